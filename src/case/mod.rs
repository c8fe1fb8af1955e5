//! The document: a spine, its plan, every edit as a command, one undo stack, the journal.

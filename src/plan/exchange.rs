//! A plan for other programs: 3D Slicer's markups and a table of comma-separated values.
//!
//! In: a [`Plan`]. Out: text. Coordinates are LPS mm, as Slicer's markups say they are; numbers in
//! the table have a decimal point and a header row with units.

use super::{Plan, Screw};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Slicer's markups: one line per screw, from entry to tip, named by level, side and size. A file
/// that 3D Slicer opens by itself (schema v1.0.3, `Line`).
pub fn slicer_markups(plan: &Plan) -> Value {
    let markups: Vec<Value> = plan.screws.iter().map(line).collect();
    json!({
        "@schema": "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#",
        "markups": markups,
    })
}

fn line(screw: &Screw) -> Value {
    let point = |id: u32, label: &str, place: [f64; 3]| {
        json!({
            "id": id.to_string(),
            "label": label,
            "description": "",
            "associatedNodeID": "",
            "position": place,
            "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
            "selected": true,
            "locked": true,
            "visibility": true,
            "positionStatus": "defined",
        })
    };
    json!({
        "type": "Line",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": true,
        "labelFormat": "%N",
        "name": format!("{} {} x {}", screw.title(), screw.diameter_mm, screw.length_mm),
        "controlPoints": [
            point(1, "entry", screw.entry.to_array()),
            point(2, "tip", screw.tip().to_array()),
        ],
    })
}

/// One row per screw.
pub fn csv(plan: &Plan) -> String {
    let mut text = "level,side,style,diameter_mm,length_mm,entry_l_mm,entry_p_mm,entry_s_mm,\
                    tip_l_mm,tip_p_mm,tip_s_mm,state,author\n"
        .to_owned();
    for screw in &plan.screws {
        let places = [screw.entry.to_array(), screw.tip().to_array()].concat();
        let places: Vec<String> = places.iter().map(|mm| millimetres(*mm)).collect();
        // Writing into a String can not fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{}",
            screw.site(),
            screw.side,
            screw.style,
            screw.diameter_mm,
            screw.length_mm,
            places.join(","),
            format!("{:?}", screw.state).to_lowercase(),
            quoted(&screw.author),
        );
    }
    text
}

/// Three decimals; what rounds to zero has no sign.
fn millimetres(mm: f64) -> String {
    let text = format!("{mm:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

/// A cell in quotes where it needs them. A cell that a spreadsheet would take for a formula gets an
/// apostrophe; some skip a tab or a return before one.
fn quoted(text: &str) -> String {
    let text = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::VertebraId;
    use crate::plan::{ScrewId, ScrewState, ScrewStyle};
    use crate::space::{Dir, Point, Side};
    use jiff::Timestamp;
    use uuid::Uuid;

    fn plan() -> Plan {
        let screw = Screw {
            id: ScrewId(Uuid::nil()),
            vertebra: VertebraId::of_label("x", 1),
            level: "L4".parse().expect("a level"),
            side: Side::Left,
            style: ScrewStyle::Pedicle,
            in_out_in: false,
            entry: Point::new(20.0, 30.5, -4.25),
            axis: -Dir::Y,
            diameter_mm: 6.5,
            length_mm: 45.0,
            author: "=a, b".to_owned(),
            edited: Timestamp::UNIX_EPOCH,
            state: ScrewState::Suggested,
            unknown: serde_json::Map::new(),
        };
        Plan { screws: vec![screw], ..Plan::default() }
    }

    #[test]
    fn markups_say_their_frame_and_keep_left_left() {
        let value = slicer_markups(&plan());
        let line = &value["markups"][0];
        assert_eq!((&line["coordinateSystem"], &line["type"]), (&json!("LPS"), &json!("Line")));
        assert_eq!(line["name"], "L4 left 6.5 x 45");
        assert_eq!(line["controlPoints"][0]["position"], json!([20.0, 30.5, -4.25]));
        assert_eq!(line["controlPoints"][1]["position"], json!([20.0, -14.5, -4.25]));
    }

    /// What a value of a key may be.
    enum Kind {
        Text,
        Flag,
        Numbers(usize),
        OneOf(&'static [&'static str]),
        List,
    }

    impl Kind {
        fn holds(&self, value: &Value) -> bool {
            let numbers = |of: &Vec<Value>| of.iter().all(Value::is_number).then_some(of.len());
            match self {
                Self::Text => value.is_string(),
                Self::Flag => value.is_boolean(),
                Self::Numbers(count) => value.as_array().and_then(numbers) == Some(*count),
                Self::OneOf(allowed) => value.as_str().is_some_and(|text| allowed.contains(&text)),
                Self::List => value.is_array(),
            }
        }
    }

    /// Keys of an object, what each holds, and whether it has to be there.
    type Keys = &'static [(&'static str, Kind, bool)];

    // Of Slicer's markups-schema-v1.0.3.json, read on 23 November 2026, the keys that a line can have.
    // The schema itself asks for `@schema`, `markups` and `type` alone; the others that have to be here
    // are those whose absence would leave frame, unit, name or place to a default.
    const FILE: Keys = &[("@schema", Kind::Text, true), ("markups", Kind::List, true)];
    const MARKUP: Keys = &[
        ("type", Kind::OneOf(&["Line"]), true),
        ("name", Kind::Text, true),
        ("coordinateSystem", Kind::OneOf(&["LPS", "RAS"]), true),
        ("coordinateUnits", Kind::OneOf(&["mm", "um"]), true),
        ("locked", Kind::Flag, false),
        ("fixedNumberOfControlPoints", Kind::Flag, false),
        ("labelFormat", Kind::Text, false),
        ("controlPoints", Kind::List, true),
    ];
    const CONTROL_POINT: Keys = &[
        ("id", Kind::Text, true),
        ("label", Kind::Text, true),
        ("description", Kind::Text, false),
        ("associatedNodeID", Kind::Text, false),
        ("position", Kind::Numbers(3), true),
        ("orientation", Kind::Numbers(9), true),
        ("selected", Kind::Flag, false),
        ("locked", Kind::Flag, false),
        ("visibility", Kind::Flag, false),
        ("positionStatus", Kind::OneOf(&["undefined", "preview", "defined"]), true),
    ];

    /// Every key is one of the schema's, holds what it says, and none is missing.
    fn assert_fits(object: &Value, keys: Keys) {
        let object = object.as_object().expect("an object");
        for (key, value) in object {
            let kind = keys.iter().find(|(name, ..)| name == key).map(|(_, kind, _)| kind);
            assert!(kind.is_some_and(|kind| kind.holds(value)), "{key}: {value}");
        }
        for (key, ..) in keys.iter().filter(|(.., is_needed)| *is_needed) {
            assert!(object.contains_key(*key), "{key} is missing in {object:?}");
        }
    }

    #[test]
    fn markups_are_what_the_schema_of_3d_slicer_asks_for() {
        let mut plan = plan();
        let right = Screw {
            id: ScrewId(Uuid::from_u128(1)),
            side: Side::Right,
            entry: Point::new(-21.0, 31.0, 0.0),
            axis: Dir::new(0.6, -0.8, 0.0),
            length_mm: 40.0,
            ..plan.screws[0].clone()
        };
        plan.screws.push(right);
        // As it is read again from the file.
        let text = slicer_markups(&plan).to_string();
        let file: Value = serde_json::from_str(&text).expect("JSON");
        assert_fits(&file, FILE);
        // Slicer goes by the end of it.
        let schema = file["@schema"].as_str().expect("text");
        assert!(schema.ends_with("/markups-schema-v1.0.3.json#"), "{schema}");
        let markups = file["markups"].as_array().expect("a list");
        assert_eq!(markups.len(), plan.screws.len());
        for (markup, screw) in markups.iter().zip(&plan.screws) {
            assert_fits(markup, MARKUP);
            assert_eq!(
                (&markup["coordinateSystem"], &markup["coordinateUnits"]),
                (&json!("LPS"), &json!("mm"))
            );
            let points = markup["controlPoints"].as_array().expect("a list");
            assert_eq!(points.len(), 2, "a line has two ends");
            assert_ne!(points[0]["id"], points[1]["id"]);
            for (point, place) in points.iter().zip([screw.entry, screw.tip()]) {
                assert_fits(point, CONTROL_POINT);
                assert_eq!(point["positionStatus"], "defined");
                assert_eq!(point["position"], json!(place.to_array()));
                let turn: Vec<f64> =
                    serde_json::from_value(point["orientation"].clone()).expect("numbers");
                let turn = glam::DMat3::from_cols_slice(&turn);
                assert!(turn.transpose() * turn == glam::DMat3::IDENTITY, "no turn: {turn}");
                assert!(turn.determinant() > 0.0, "a mirror: {turn}");
            }
        }
        // L of LPS: the left screw lies at the larger x, and the right one runs inwards, to the left.
        let x = |n: usize, end: usize| markups[n]["controlPoints"][end]["position"][0].as_f64();
        assert!(x(0, 0) > Some(0.0) && x(1, 0) < Some(0.0) && x(1, 1) > x(1, 0));
    }

    #[test]
    fn the_table_has_a_row_per_screw_and_no_formula() {
        let text = csv(&plan());
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].split(',').count(), 13);
        assert!(rows[1].starts_with("L4,left,pedicle,6.5,45,20.000,30.500,-4.250,20.000,-14.500,"));
        assert!(rows[1].ends_with("suggested,\"'=a, b\""), "{}", rows[1]);
    }

    #[test]
    fn a_return_breaks_no_row_and_a_tab_hides_no_formula() {
        assert_eq!(quoted("a\rb"), "\"a\rb\"");
        assert_eq!(quoted("\r=a"), "\"'\r=a\"");
        assert_eq!(quoted("\t=a"), "'\t=a");
        assert_eq!(quoted("a b"), "a b");
    }

    #[test]
    fn nothing_in_the_table_is_a_negative_zero() {
        let mut plan = plan();
        plan.screws[0].entry = Point::new(-0.0, -0.0004, -0.0006);
        let text = csv(&plan);
        assert!(text.contains(",0.000,0.000,-0.001,"), "{text}");
        assert!(!text.contains("-0.000"), "{text}");
    }
}

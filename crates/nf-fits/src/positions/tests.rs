use super::*;

const AXES: [usize; 2] = [120, 90];

/// Cards of the section [21:60,31:70] of an image of 120 x 90 pixels, and the remarks.
fn cut(cards: &[&str]) -> (Header, Vec<String>) {
    cut_at(cards, Section(vec![20..60, 30..70]))
}

fn cut_at(cards: &[&str], section: Section) -> (Header, Vec<String>) {
    let cards: Vec<String> = cards.iter().map(|line| format!("{line:<80}")).collect();
    let header = Header::from_cards(cards.iter().map(|card| card.as_bytes()), 0);
    let mut positions = Positions::new(&header, &AXES, &section);
    let mut moved: Vec<_> = header.cards().filter_map(|card| positions.card(card)).collect();
    moved.extend(positions.implied());
    let remarks = positions.remarks();
    (Header::from_cards(moved.iter().map(|card| &card[..]), 0), remarks)
}

#[test]
fn every_system_of_coordinates_moves() {
    let (header, remarks) = cut(&[
        "CRPIX1  = 50.5 / [pix] reference",
        "CRPIX2  = 40",
        "CRPIX1A = 50.5",
        "CRPIX2Z = 40.5",
        "CRPIX1P = 1",
        "CRPIX2P = 1",
        "CRPIX3  = 7",
        "CRPIX   = 7",
        "LTV1    = -5.0",
        "LTV2    = 0",
        "LTM1_1  = 0.5",
        "XORGSUBF= 4",
        "YORGSUBF= 0",
        "CRPIX1B = 'x'",
    ]);
    let real = |keyword: &str| header.real(keyword).unwrap().unwrap();
    for (keyword, expected) in [
        ("CRPIX1", 30.5),
        ("CRPIX2", 10.0),
        ("CRPIX1A", 30.5),
        ("CRPIX2Z", 10.5),
        ("CRPIX1P", -19.0),
        ("CRPIX2P", -29.0),
        ("CRPIX3", 7.0),
        ("CRPIX", 7.0),
        ("LTV1", -25.0),
        ("LTV2", -30.0),
        ("LTM1_1", 0.5),
        ("XORGSUBF", 24.0),
        ("YORGSUBF", 30.0),
    ] {
        assert_eq!(real(keyword), expected, "{keyword}");
    }
    assert_eq!(header.card("CRPIX1").unwrap().comment(), "[pix] reference");
    assert_eq!(header.value("CRPIX1B"), Some(Value::Text("x".into())));
    assert_eq!(remarks, ["CRPIX1B is 'x', no place that could move: it stays"]);
}

#[test]
fn places_that_are_zero_without_being_said_move_too() {
    type Moved<'a> = &'a [(&'a str, f64)];
    let cases: [(&[&str], Moved<'_>); 9] = [
        (&["LTV1    = -10", "LTM1_1  = 1", "LTM2_2  = 1"], &[("LTV1", -30.0), ("LTV2", -30.0)]),
        (&["LTM1_1  = 0.5"], &[("LTV1", -20.0), ("LTV2", -30.0)]),
        (&["CTYPE1  = 'RA---TAN'", "CRVAL2  = 7.5"], &[("CRPIX1", -20.0), ("CRPIX2", -30.0)]),
        (&["CDELT2A = 2.0", "CRPIX1A = 5"], &[("CRPIX1A", -15.0), ("CRPIX2A", -30.0)]),
        (&["CD1_2   = 2.0"], &[("CRPIX2", -30.0)]),
        (&["PC2_1P  = 2.0"], &[("CRPIX1P", -20.0)]),
        (&["CTYPE3  = 'FREQ'", "CDELT   = 1", "CTYPE0  = 'x'", "CD1_    = 2"], &[]),
        (&["CRPIX1  = '50.5' / text"], &[("CRPIX1", 30.5)]),
        (
            &["CRPIX1  =        / undefined", "LTV2    = '7'"],
            &[("CRPIX1", -20.0), ("LTV1", -20.0), ("LTV2", -23.0)],
        ),
    ];
    for (cards, expected) in cases {
        let (header, remarks) = cut(cards);
        let places: Vec<(String, f64)> = header
            .cards()
            .map(|card| String::from_utf8(card.keyword().to_vec()).unwrap())
            .filter(|keyword| keyword.starts_with("CRPIX") || keyword.starts_with("LTV"))
            .map(|keyword| (keyword.clone(), header.real(&keyword).unwrap().unwrap()))
            .collect();
        let mut places: Vec<(&str, f64)> =
            places.iter().map(|(keyword, place)| (&keyword[..], *place)).collect();
        places.sort_by(|a, b| a.0.cmp(b.0));
        assert_eq!(places, expected, "{cards:?}");
        let odd = cards
            .iter()
            .filter(|card| card.contains("= '5") || card.contains("= '7'") || card.contains("undef"));
        assert_eq!(remarks.len(), odd.count(), "{remarks:?}");
        // Only axes that lose their beginning move.
        let (header, _) = cut_at(cards, Section(vec![0..60, 0..70]));
        assert_eq!(header.cards().count(), cards.len(), "{cards:?}");
    }
}

#[test]
fn boxes_of_the_image_are_cut_and_moved() {
    let (header, remarks) = cut(&[
        "DATASEC = '[1:50,1:90]' / data",
        "TRIMSEC = '[ 11 : 55 , 40:60 ]'",
        "BIASSEC = '[51:120,1:90]'",
        "DSEC12  = '[60:10,1:90]'",
        "BSEC12  = '[61:120,1:90]'",
        "ODDSEC  = '[1:50,1:90]'",
        "DARKSEC = 12.5",
        "OBSEC   = 'none'",
        "CCDSIZE = '[1:120,1:90]'",
    ]);
    let text = |keyword: &str| header.text(keyword);
    assert_eq!(text("DATASEC").as_deref(), Some("[1:30,1:40]"));
    assert_eq!(header.card("DATASEC").unwrap().comment(), "data");
    assert_eq!(text("TRIMSEC").as_deref(), Some("[1:35,10:30]"));
    assert_eq!(text("BIASSEC").as_deref(), Some("[31:40,1:40]"));
    assert_eq!(text("DSEC12").as_deref(), Some("[40:1,1:40]"));
    assert_eq!((text("BSEC12"), text("ODDSEC")), (None, None));
    assert_eq!(text("OBSEC").as_deref(), Some("none"));
    assert_eq!(text("CCDSIZE").as_deref(), Some("[1:120,1:90]"));
    assert_eq!(header.real("DARKSEC").unwrap(), Some(12.5));
    assert_eq!(remarks, [format!("removed BSEC12, ODDSEC: {REMOVED_BOX}")]);
}

#[test]
fn boxes_of_the_detector_follow_the_data_section() {
    // Binned twice along the columns, read backwards along the rows, overscan at the end.
    let (header, remarks) = cut(&[
        "DATASEC = '[11:110,1:90]'",
        "CCDSEC  = '[1:200,1:90]'",
        "DETSEC  = '[1200:1001,590:501]'",
        "AMPSEC  = '[100:1,1:90]'",
        "DETSEC2 = '[1:100,1:90]'",
        "DATASEC2= '[1:10,1:90]'",
    ]);
    // Columns 21 to 60 are 11 to 50 of the data section, rows 31 to 70.
    assert_eq!(header.text("DATASEC").as_deref(), Some("[1:40,1:40]"));
    assert_eq!(header.text("CCDSEC").as_deref(), Some("[21:100,31:70]"));
    assert_eq!(header.text("DETSEC").as_deref(), Some("[1180:1101,560:521]"));
    assert_eq!(header.text("AMPSEC").as_deref(), Some("[90:51,31:70]"));
    assert_eq!(remarks, [format!("removed DETSEC2, DATASEC2: {REMOVED_BOX}")]);
    // Without a data section all pixels count, if there are as many or a multiple.
    let (header, remarks) = cut(&["DETSEC  = '[1:240,91:180]'", "CCDSEC  = '[1:100,1:90]'"]);
    assert_eq!(header.text("DETSEC").as_deref(), Some("[41:120,121:160]"));
    assert_eq!((header.text("CCDSEC"), remarks.len()), (None, 1));
}

#[test]
fn a_section_of_everything_changes_no_place() {
    let cards = ["CRPIX1  = 50.5", "DETSEC  = '[1:7,1:9]'", "ODDSEC  = '[1:2]'", "LTV1    = 1"];
    let (header, remarks) = cut_at(&cards, Section::whole(&AXES));
    assert_eq!((header.cards().count(), remarks.len()), (4, 0));
}

#[test]
fn distortions_that_stay_behind_are_named() {
    let (header, remarks) = cut(&[
        "CTYPE1  = 'RA---TAN-SIP'",
        "CTYPE3  = 'WAVE-TAB'",
        "A_ORDER = 2",
        "A_2_0   = 1E-5",
        "PV1_1   = 1.0",
        "CPDIS1  = 'Lookup'",
        "DP1     = 'EXTVER: 1'",
        "DP1     = 'NAXES: 2'",
        "D2IMDIS1= 'Lookup'",
        "D2IM1   = 'EXTVER: 1'",
        "D2IMERR1= 0.0",
        "DP2     = 'not of a distortion'",
    ]);
    for keyword in ["CTYPE1", "CTYPE3", "A_ORDER", "A_2_0", "PV1_1", "DP2"] {
        assert!(header.card(keyword).is_some(), "{keyword}");
    }
    // And the CRPIX1 that CTYPE1 implies.
    assert_eq!(header.cards().count(), 7);
    assert_eq!(
        remarks,
        [
            format!("removed CPDIS1, DP1, D2IMDIS1, D2IM1, D2IMERR1: {REMOVED_DISTORTION}"),
            "CTYPE3 needs a table of coordinates, which stays behind in the original file".to_owned(),
        ]
    );
}

//! Short names of codecs.

/// A spec where there is little room: of a net the name of its checkpoint, without the digest at its end and the words around it.
pub(crate) fn short_name(spec: &str) -> String {
    let Some((_, options)) = spec.split_once(':').filter(|(_, options)| options.contains("checkpoint="))
    else {
        return spec.to_owned();
    };
    let mut parts = options.split(',').map(|pair| match pair.strip_prefix("checkpoint=") {
        None => pair,
        Some(id) => match id.rsplit_once('-') {
            Some((name, digest)) if digest.len() == 8 && digest.bytes().all(|b| b.is_ascii_hexdigit()) => {
                name
            }
            _ => id,
        },
    });
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| format!("{name}, {part}"))
}

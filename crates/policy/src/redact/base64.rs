//! Texts in base64, as readers take them: either alphabet, with and without padding, in lines.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What becomes of a text that may be base64.
pub(super) enum Held {
    /// It is none.
    Nothing,
    /// It holds nothing that is looked for.
    Clean,
    /// This stands there instead.
    Rewritten(String),
}

pub(super) fn look(
    written: &str,
    is_media: bool,
    without: impl Fn(&str) -> Option<String>,
) -> Held {
    let Some((bytes, engine)) = decoded(written) else { return Held::Nothing };
    let Some((text, back)) = text_of(&bytes, is_media) else { return Held::Clean };
    match without(&text) {
        Some(text) => Held::Rewritten(engine.encode(back(&text))),
        None => Held::Clean,
    }
}

fn decoded(written: &str) -> Option<(Vec<u8>, GeneralPurpose)> {
    let plain: Vec<u8> = written.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let is_url_safe = plain.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = engine(if is_url_safe { &URL_SAFE } else { &STANDARD });
    Some((engine.decode(plain).ok()?, engine))
}

fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

/// Makes bytes of a text again.
type Back = fn(&str) -> Vec<u8>;

/// Bytes as text, and the way back: UTF-8, UTF-16 that says so, or what has a character for each
/// byte, so that what is plain in it is seen.
fn text_of(bytes: &[u8], is_media: bool) -> Option<(String, Back)> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((text.to_owned(), |text| text.as_bytes().to_vec()));
    }
    if is_media {
        return None;
    }
    let units = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| read(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    Some(match bytes {
        [0xFF, 0xFE, rest @ ..] => (units(rest, u16::from_le_bytes), |text| {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            [0xFF, 0xFE].into_iter().chain(units).collect()
        }),
        [0xFE, 0xFF, rest @ ..] => (units(rest, u16::from_be_bytes), |text| {
            let units = text.encode_utf16().flat_map(u16::to_be_bytes);
            [0xFE, 0xFF].into_iter().chain(units).collect()
        }),
        _ => (bytes.iter().map(|byte| char::from(*byte)).collect(), |text| {
            text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
        }),
    })
}

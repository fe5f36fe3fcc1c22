//! Binary values. JSON has none, so they travel as base64 text beside their media type.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Binary data with its media type. In JSON it is `{"base64": "…", "media_type": "image/png"}`; a front end shows its size and
/// type, not the text.
///
/// ```
/// use pipulate::Bytes;
///
/// let logo = Bytes::new(b"\x89PNG".to_vec(), "image/png");
/// let text = serde_json::to_string(&logo).unwrap();
/// assert_eq!(text, r#"{"base64":"iVBORw==","media_type":"image/png"}"#);
/// assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), logo);
/// assert_eq!(logo.to_string(), "4 bytes of image/png");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bytes {
    data: Vec<u8>,
    media_type: String,
}

/// What binary data is when nobody says what it is.
const UNKNOWN: &str = "application/octet-stream";

impl Bytes {
    /// Data of this media type.
    pub fn new(data: impl Into<Vec<u8>>, media_type: impl Into<String>) -> Self {
        Self {
            data: data.into(),
            media_type: media_type.into(),
        }
    }

    /// The media type, such as `image/png`.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    pub(crate) fn to_base64(&self) -> String {
        encode(&self.data)
    }

    /// The data.
    pub fn into_vec(self) -> Vec<u8> {
        self.data
    }

    /// Size and type of binary data found in a JSON value, without decoding it: what a front end shows instead of the value.
    /// `None` where the value is no binary data.
    pub fn describe(value: &Value) -> Option<String> {
        let members = value.as_object().filter(|members| members.len() == 2)?;
        let text = members.get("base64")?.as_str()?;
        let media_type = members.get("media_type")?.as_str()?;
        let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
        Some(described((text.len() / 4 * 3).saturating_sub(padding), media_type))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(data: Vec<u8>) -> Self {
        Self::new(data, UNKNOWN)
    }
}

impl From<&[u8]> for Bytes {
    fn from(data: &[u8]) -> Self {
        Self::new(data, UNKNOWN)
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.data
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&described(self.data.len(), &self.media_type))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Bytes({self})")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Bytes", deny_unknown_fields)]
struct Encoded {
    base64: String,
    media_type: String,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Encoded {
            base64: encode(&self.data),
            media_type: self.media_type.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Encoded::deserialize(deserializer)?;
        let data = decode(&encoded.base64).ok_or_else(|| serde::de::Error::custom("`base64` is not base64 text"))?;
        Ok(Self {
            data,
            media_type: encoded.media_type,
        })
    }
}

fn described(size: usize, media_type: &str) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let size = size as u64;
    for (unit, bytes) in UNITS {
        if size >= bytes {
            let tenths = size * 10 / bytes;
            return format!("{}.{} {unit} of {media_type}", tenths / 10, tenths % 10);
        }
    }
    format!("{size} byte{} of {media_type}", if size == 1 { "" } else { "s" })
}

/// The alphabet of RFC 4648, section 4.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn encode(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let sextet = (group >> (18 - 6 * position) & 63) as usize;
            text.push(if position <= chunk.len() {
                ALPHABET[sextet] as char
            } else {
                '='
            });
        }
    }
    text
}

/// Strict: padded, and without stray bits, so that each value has one text.
fn decode(text: &str) -> Option<Vec<u8>> {
    const WHERE: [u8; 256] = {
        let mut table = [255; 256];
        let mut index = 0;
        while index < 64 {
            #[expect(clippy::cast_possible_truncation, reason = "index is below 64")]
            let sextet = index as u8;
            table[ALPHABET[index] as usize] = sextet;
            index += 1;
        }
        table
    };
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let stripped = text
        .strip_suffix("==")
        .or_else(|| text.strip_suffix('='))
        .unwrap_or(text);
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in stripped.as_bytes().chunks(4) {
        let mut group = 0_u32;
        for byte in chunk {
            let sextet = WHERE[usize::from(*byte)];
            if sextet == 255 {
                return None;
            }
            group = group << 6 | u32::from(sextet);
        }
        group <<= 6 * (4 - chunk.len());
        let [_, bytes @ ..] = group.to_be_bytes();
        let (kept, rest) = bytes.split_at(chunk.len() - 1);
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        data.extend_from_slice(kept);
    }
    Some(data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Bytes, decode, encode};

    #[test]
    fn the_test_vectors_of_rfc_4648() {
        for (data, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(data.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(data.as_bytes()));
        }
    }

    #[test]
    fn every_byte_survives() {
        let data: Vec<u8> = (0..=255).collect();
        for length in 0..data.len() {
            assert_eq!(decode(&encode(&data[..length])).as_deref(), Some(&data[..length]));
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in [
            "A", "AA", "AAA", "A===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "====", "Zm-v", "é===",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn shown_as_size_and_type() {
        let bytes = Bytes::new(vec![0; 1536], "image/png");
        assert_eq!(bytes.to_string(), "1.5 KiB of image/png");
        let value = serde_json::to_value(&bytes).unwrap();
        assert_eq!(Bytes::describe(&value).as_deref(), Some("1.5 KiB of image/png"));
        assert_eq!(
            Bytes::describe(&json!({"base64": "eA==", "media_type": "a/b"})).unwrap(),
            "1 byte of a/b"
        );
        assert_eq!(Bytes::describe(&json!({"base64": 1, "media_type": "a/b"})), None);
        assert_eq!(Bytes::describe(&json!("eA==")), None);
    }
}

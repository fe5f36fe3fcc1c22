//! Writing JSON with checks. `serde_json` turns NaN and the infinities into `null` without a word, and writes values nested so
//! deeply that it refuses to read them back, and objects that have a key twice. [`Guard`] stands between a value and
//! `serde_json`'s serializer, sees every part of the value go by together with its place, and stops at the first part that
//! would be lost.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Display;
use std::io;

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::fault::{DEEPEST, Fault, Place, key_is_there, note, too_deep};

pub(super) fn to_text<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<String, Fault> {
    let mut text = Bounded {
        bytes: Vec::with_capacity(128.min(limit)),
        size: 0,
        limit,
    };
    let fault = RefCell::new(None);
    let guard = Guard {
        inner: &mut serde_json::Serializer::new(&mut text),
        at: &Place::Root,
        depth: 0,
        fault: &fault,
    };
    if let Err(error) = value.serialize(guard) {
        return Err(fault.into_inner().unwrap_or_else(|| Fault::Unrepresentable {
            path: String::new(),
            reason: error.to_string(),
        }));
    }
    if text.size > limit as u64 {
        return Err(Fault::TooLarge {
            size: text.size,
            limit: limit as u64,
        });
    }
    String::from_utf8(text.bytes).map_err(|error| Fault::Unrepresentable {
        path: String::new(),
        reason: format!("it wrote text that is not UTF-8 ({error})"),
    })
}

/// Keeps what fits, and counts on, so that the error can name the whole size.
struct Bounded {
    bytes: Vec<u8>,
    size: u64,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size += bytes.len() as u64;
        if self.size <= self.limit as u64 {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.bytes = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Guard<'a, S> {
    inner: S,
    at: &'a Place<'a>,
    depth: usize,
    fault: &'a RefCell<Option<Fault>>,
}

/// A part of the value, on its way to the inner serializer through a guard of its own.
struct Part<'a, T: ?Sized> {
    value: &'a T,
    at: &'a Place<'a>,
    depth: usize,
    fault: &'a RefCell<Option<Fault>>,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let guard = Guard {
            inner: serializer,
            at: self.at,
            depth: self.depth,
            fault: self.fault,
        };
        let result = self.value.serialize(guard);
        if let Err(error) = &result {
            // The innermost part that fails notes the place; what it returns is only a signal to those around it.
            note(self.fault, self.at, || error.to_string());
        }
        result
    }
}

impl<S: Serializer> Guard<'_, S> {
    fn refuse<T>(&self, reason: String) -> Result<T, S::Error> {
        note(self.fault, self.at, || reason);
        Err(ser::Error::custom("refused"))
    }

    fn finite(&self, number: f64) -> Result<(), S::Error> {
        if number.is_finite() {
            Ok(())
        } else {
            let name = if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "infinity"
            } else {
                "-infinity"
            };
            self.refuse(format!("{name} is not a JSON number"))
        }
    }

    fn deeper(&self, levels: usize) -> Result<usize, S::Error> {
        let depth = self.depth + levels;
        if depth > DEEPEST {
            return self.refuse(too_deep());
        }
        Ok(depth)
    }
}

macro_rules! pass_on {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<'a, S: Serializer> Serializer for Guard<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'a, S::SerializeSeq>;
    type SerializeTuple = Parts<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'a, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'a, S::SerializeMap>;
    type SerializeStruct = Parts<'a, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'a, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_char: char, serialize_str: &str, serialize_unit_struct: &'static str,
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.finite(f64::from(value))?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.finite(value)?;
        self.inner.serialize_f64(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.deeper(1)?;
        self.inner.serialize_bytes(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let part = Part {
            value,
            at: self.at,
            depth: self.depth,
            fault: self.fault,
        };
        self.inner.serialize_some(&part)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        let part = Part {
            value,
            at: self.at,
            depth: self.depth,
            fault: self.fault,
        };
        self.inner.serialize_newtype_struct(name, &part)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = self.deeper(1)?;
        let at = Place::Field(self.at, variant);
        self.inner.serialize_newtype_variant(
            name,
            index,
            variant,
            &Part {
                value,
                at: &at,
                depth,
                fault: self.fault,
            },
        )
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let depth = self.deeper(1)?;
        Ok(Parts::new(
            self.inner.serialize_seq(length)?,
            self.at,
            None,
            depth,
            self.fault,
        ))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        let depth = self.deeper(1)?;
        Ok(Parts::new(
            self.inner.serialize_tuple(length)?,
            self.at,
            None,
            depth,
            self.fault,
        ))
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        let depth = self.deeper(1)?;
        Ok(Parts::new(
            self.inner.serialize_tuple_struct(name, length)?,
            self.at,
            None,
            depth,
            self.fault,
        ))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let depth = self.deeper(2)?;
        let inner = self.inner.serialize_tuple_variant(name, index, variant, length)?;
        Ok(Parts::new(inner, self.at, Some(variant), depth, self.fault))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let depth = self.deeper(1)?;
        Ok(Parts::new(
            self.inner.serialize_map(length)?,
            self.at,
            None,
            depth,
            self.fault,
        ))
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        let depth = self.deeper(1)?;
        Ok(Parts::new(
            self.inner.serialize_struct(name, length)?,
            self.at,
            None,
            depth,
            self.fault,
        ))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let depth = self.deeper(2)?;
        let inner = self.inner.serialize_struct_variant(name, index, variant, length)?;
        Ok(Parts::new(inner, self.at, Some(variant), depth, self.fault))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The parts of an array or object, each with its place.
struct Parts<'a, C> {
    inner: C,
    at: &'a Place<'a>,
    /// The variant of an enum, which is one more level in JSON.
    variant: Option<&'static str>,
    depth: usize,
    fault: &'a RefCell<Option<Fault>>,
    index: usize,
    key: String,
    /// The keys that a map has written. Two that differ in Rust may be the same text in JSON.
    keys: HashSet<String>,
}

impl<'a, C> Parts<'a, C> {
    fn new(
        inner: C,
        at: &'a Place<'a>,
        variant: Option<&'static str>,
        depth: usize,
        fault: &'a RefCell<Option<Fault>>,
    ) -> Self {
        Self {
            inner,
            at,
            variant,
            depth,
            fault,
            index: 0,
            key: String::new(),
            keys: HashSet::new(),
        }
    }

    fn next_index<R>(&mut self, write: impl FnOnce(&mut C, &Place<'_>, usize) -> R) -> R {
        let index = self.index;
        self.index += 1;
        match self.variant {
            Some(variant) => write(
                &mut self.inner,
                &Place::Index(&Place::Field(self.at, variant), index),
                self.depth,
            ),
            None => write(&mut self.inner, &Place::Index(self.at, index), self.depth),
        }
    }

    fn field<R>(&mut self, name: &str, write: impl FnOnce(&mut C, &Place<'_>, usize) -> R) -> R {
        match self.variant {
            Some(variant) => write(
                &mut self.inner,
                &Place::Field(&Place::Field(self.at, variant), name),
                self.depth,
            ),
            None => write(&mut self.inner, &Place::Field(self.at, name), self.depth),
        }
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),* $(,)?) => {
        $(impl<C: $trait> $trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let fault = self.fault;
                self.next_index(|inner, at, depth| inner.$method(&Part { value, at, depth, fault }))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl<C: $trait> $trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), C::Error> {
                let fault = self.fault;
                self.field(name, |inner, at, depth| inner.serialize_field(name, &Part { value, at, depth, fault }))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.key = key_text(key, self.index);
        self.index += 1;
        // A key is no part to guard: serde_json itself refuses keys that are not text, and NaN among them.
        let result = self.inner.serialize_key(key);
        if let Err(error) = &result {
            note(self.fault, self.at, || format!("{error} ({})", self.key));
        } else if self.keys.contains(&self.key) {
            note(self.fault, &Place::Field(self.at, &self.key), key_is_there);
            return Err(ser::Error::custom("refused"));
        }
        result
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let fault = self.fault;
        let key = std::mem::take(&mut self.key);
        let result = self.field(&key, |inner, at, depth| {
            inner.serialize_value(&Part {
                value,
                at,
                depth,
                fault,
            })
        });
        self.keys.insert(key);
        result
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

/// The text of a map's key, for the place of its value.
fn key_text<T: Serialize + ?Sized>(key: &T, index: usize) -> String {
    match serde_json::to_value(key) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => format!("entry {index}"),
    }
}

#[cfg(test)]
mod tests;

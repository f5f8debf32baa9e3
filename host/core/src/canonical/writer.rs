//! A serializer that writes canonical JSON as it goes: no tree of values is built in between.
//!
//! Members of an object are written one after another and put in order when the object ends. Enums take
//! serde_json's forms, so that what is read back is what was written.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, Error as _};
use serde_json::Value;

use super::{CanonicalError, MAX_SAFE, write_string};

/// Writes one value to the end of `out`.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
}

impl ser::Error for CanonicalError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Json(ser::Error::custom(message))
    }
}

type Written = Result<(), CanonicalError>;

impl<'a> Writer<'a> {
    fn integer(self, number: impl TryInto<i64> + Display + Copy) -> Written {
        match number.try_into() {
            Ok(n) if (-MAX_SAFE..=MAX_SAFE).contains(&n) => {
                self.out.extend_from_slice(n.to_string().as_bytes());
                Ok(())
            }
            _ => Err(CanonicalError::Number(number.to_string())),
        }
    }

    fn array(self, close: &'static [u8]) -> Array<'a> {
        self.out.push(b'[');
        Array { out: self.out, first: true, close }
    }

    fn object(self, close: &'static [u8]) -> Object<'a> {
        let start = self.out.len();
        Object { out: self.out, start, members: Vec::new(), key: None, close }
    }

    /// `{"variant":` — what closes it comes with the value.
    fn open_variant(&mut self, variant: &str) {
        self.out.push(b'{');
        write_string(variant, self.out);
        self.out.push(b':');
    }
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Array<'a>;
    type SerializeTupleStruct = Array<'a>;
    type SerializeTupleVariant = Array<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, value: bool) -> Written {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }
    fn serialize_i8(self, value: i8) -> Written {
        self.integer(value)
    }
    fn serialize_i16(self, value: i16) -> Written {
        self.integer(value)
    }
    fn serialize_i32(self, value: i32) -> Written {
        self.integer(value)
    }
    fn serialize_i64(self, value: i64) -> Written {
        self.integer(value)
    }
    fn serialize_u8(self, value: u8) -> Written {
        self.integer(value)
    }
    fn serialize_u16(self, value: u16) -> Written {
        self.integer(value)
    }
    fn serialize_u32(self, value: u32) -> Written {
        self.integer(value)
    }
    fn serialize_u64(self, value: u64) -> Written {
        self.integer(value)
    }
    /// As in serde_json, what is no number is null.
    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(value.into())
    }
    fn serialize_f64(self, value: f64) -> Written {
        if value.is_finite() { Err(CanonicalError::Number(value.to_string())) } else { self.serialize_unit() }
    }
    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Written {
        write_string(value, self.out);
        Ok(())
    }
    fn serialize_bytes(self, value: &[u8]) -> Written {
        value.serialize(self)
    }
    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Written {
        self.out.extend_from_slice(b"null");
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        self.open_variant(variant);
        value.serialize(Writer { out: self.out })?;
        self.out.push(b'}');
        Ok(())
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array(b"]"))
    }
    fn serialize_tuple(self, _: usize) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array(b"]"))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array(b"]"))
    }
    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Array<'a>, CanonicalError> {
        self.open_variant(variant);
        Ok(self.array(b"]}"))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, CanonicalError> {
        Ok(self.object(b"}"))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'a>, CanonicalError> {
        Ok(self.object(b"}"))
    }
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, CanonicalError> {
        self.open_variant(variant);
        Ok(self.object(b"}}"))
    }
}

/// Elements, one after another.
pub(super) struct Array<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    close: &'static [u8],
}

impl Array<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        value.serialize(Writer { out: self.out })
    }

    fn close(self) -> Written {
        self.out.extend_from_slice(self.close);
        Ok(())
    }
}

impl ser::SerializeSeq for Array<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.push(value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeTuple for Array<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.push(value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Array<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.push(value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Array<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.push(value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

/// A member of an object: its name, and where `"name":value` ends in the output.
struct Member {
    name: Cow<'static, str>,
    end: usize,
}

/// Members as they come, in order once it ends.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    members: Vec<Member>,
    key: Option<String>,
    close: &'static [u8],
}

impl Object<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, name: Cow<'static, str>, value: &T) -> Written {
        write_string(&name, self.out);
        self.out.push(b':');
        value.serialize(Writer { out: self.out })?;
        self.members.push(Member { name, end: self.out.len() });
        Ok(())
    }

    /// RFC 8785 §3.2.3: members sorted by the UTF-16 code units of their names. Of two with one name the last
    /// counts, as when an object is built from them.
    fn close(self) -> Written {
        let written = self.out.split_off(self.start);
        let mut begin = self.start;
        let mut members: Vec<(&str, &[u8])> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let bytes = written.get(begin - self.start..member.end - self.start).unwrap_or_default();
            members.push((&member.name, bytes));
            begin = member.end;
        }
        members.sort_by(|(a, _), (b, _)| match a.is_ascii() && b.is_ascii() {
            true => a.cmp(b),
            false => a.encode_utf16().cmp(b.encode_utf16()),
        });
        self.out.push(b'{');
        let first = self.out.len();
        for (i, (name, bytes)) in members.iter().enumerate() {
            if members.get(i + 1).is_some_and(|(next, _)| next == name) {
                continue;
            }
            if self.out.len() > first {
                self.out.push(b',');
            }
            self.out.extend_from_slice(bytes);
        }
        self.out.extend_from_slice(self.close);
        Ok(())
    }
}

impl ser::SerializeMap for Object<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.key = Some(name_of(key)?);
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        let name = self.key.take().ok_or_else(|| CanonicalError::custom("a value came before its key"))?;
        self.member(Cow::Owned(name), value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.member(Cow::Borrowed(name), value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeStructVariant for Object<'_> {
    type Ok = ();
    type Error = CanonicalError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.member(Cow::Borrowed(name), value)
    }
    fn end(self) -> Written {
        self.close()
    }
}

/// The name of a member whose key is no text: as serde_json writes it.
fn name_of<T: Serialize + ?Sized>(key: &T) -> Result<String, CanonicalError> {
    match serde_json::to_value(key)? {
        Value::String(name) => Ok(name),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(name) => Ok(name.to_string()),
        _ => Err(CanonicalError::custom("the name of a member must be text")),
    }
}

//! One JSON array whose elements come as they are made.
use super::{Frame, Sink, cut, too_long};
use consort_core::Error;

/// Cuts the elements out of a JSON array.
#[derive(Debug, Default)]
pub struct JsonArrayFramer {
    element: Vec<u8>,
    /// How deep inside the element; 0 is between elements.
    depth: usize,
    in_string: bool,
    escaped: bool,
    opened: bool,
    closed: bool,
}

impl JsonArrayFramer {
    pub(super) fn feed(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        for &byte in bytes {
            if self.depth == 0 {
                self.between(byte)?;
                continue;
            }
            if self.element.len() >= super::LONGEST_FRAME {
                return Err(too_long());
            }
            self.element.push(byte);
            if self.inside(byte) {
                let done = sink(Frame { name: "", data: &self.element, is_error: false });
                self.element.clear();
                done?;
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Error> {
        if self.opened && !self.closed { Err(cut()) } else { Ok(()) }
    }

    fn between(&mut self, byte: u8) -> Result<(), Error> {
        match byte {
            b'[' if !self.opened => self.opened = true,
            b'{' if self.opened && !self.closed => {
                self.depth = 1;
                self.element.push(byte);
            }
            b']' if self.opened => self.closed = true,
            b',' | b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => return Err(Error::protocol("the answer is not a JSON array of objects")),
        }
        Ok(())
    }

    /// Takes one byte of an element; true when it was the last.
    fn inside(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

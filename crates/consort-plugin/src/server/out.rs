//! The way out: lines, whole and in order, written at once.
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// So many bytes may wait for whoever writes; then their senders wait.
const MOST_WAITING: usize = 1 << 20;

/// Writes lines. Whoever finds the way free writes, and with his own what others left meanwhile: a line waits for
/// no other thread's turn, and nothing is written together but what was already waiting.
pub(crate) struct Out {
    waiting: Mutex<Vec<u8>>,
    to: Mutex<To>,
    closed: AtomicBool,
}

struct To {
    writer: Box<dyn Write + Send>,
    /// Emptied and swapped in, so that the memory is used again.
    spare: Vec<u8>,
}

impl Out {
    pub(crate) fn new(writer: Box<dyn Write + Send>) -> Self {
        let to = To { writer, spare: Vec::new() };
        Self { waiting: Mutex::default(), to: Mutex::new(to), closed: AtomicBool::new(false) }
    }

    /// Sends a line with its end. One that can no longer be written is dropped: nobody would read it.
    pub(crate) fn send(&self, line: &[u8]) {
        let many = {
            let mut waiting = lock(&self.waiting);
            waiting.extend_from_slice(line);
            waiting.len() > MOST_WAITING
        };
        if many {
            self.write_waiting(&mut lock(&self.to));
        }
        // Behind each turn it is looked again: a line that came while the way was taken belongs to who had it.
        while !lock(&self.waiting).is_empty() {
            match self.to.try_lock() {
                Ok(mut to) => self.write_waiting(&mut to),
                Err(TryLockError::Poisoned(poisoned)) => self.write_waiting(&mut poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => return,
            }
        }
    }

    /// Whether the host closed its end.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    fn write_waiting(&self, to: &mut To) {
        loop {
            let spare = std::mem::take(&mut to.spare);
            let mut bytes = std::mem::replace(&mut *lock(&self.waiting), spare);
            if !bytes.is_empty() && !self.is_closed() && write(to.writer.as_mut(), &bytes).is_err() {
                self.closed.store(true, SeqCst);
            }
            let done = bytes.is_empty();
            bytes.clear();
            // After much at once the memory is given back.
            if bytes.capacity() <= MOST_WAITING {
                to.spare = bytes;
            }
            if done {
                return;
            }
        }
    }
}

fn write(to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Slow, so that others come meanwhile; and by pieces.
            std::thread::yield_now();
            let some = bytes.len().min(7);
            lock(&self.0).extend_from_slice(&bytes[..some]);
            Ok(some)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_of_many_threads_stay_whole_and_in_order() {
        let page = Page::default();
        let out = Arc::new(Out::new(Box::new(page.clone())));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let out = out.clone();
                std::thread::spawn(move || {
                    (0..500).for_each(|n| out.send(format!("{thread} {n}\n").as_bytes()));
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let text = String::from_utf8(lock(&page.0).clone()).unwrap();
        assert_eq!(text.lines().count(), 2000);
        for thread in 0..4 {
            let mine = text.lines().filter_map(|line| line.strip_prefix(&format!("{thread} ")));
            assert!(mine.map(|n| n.parse::<usize>().unwrap()).eq(0..500));
        }
    }
}

//! The terminal that bars are drawn on.

use std::io;

use console::Term;
use indicatif::TermLike;

/// Standard error as a screen. What cannot be drawn is not drawn: the crate of the bars takes an error here for one of its own and
/// panics, and a terminal may be closed while a copy goes on.
#[derive(Debug)]
pub struct Screen(Term);

impl Default for Screen {
    fn default() -> Self {
        Self(Term::buffered_stderr())
    }
}

/// Drops an error.
fn perhaps(drawn: io::Result<()>) -> io::Result<()> {
    drawn.or(Ok(()))
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        perhaps(self.0.move_cursor_up(lines))
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        perhaps(self.0.move_cursor_down(lines))
    }

    fn move_cursor_right(&self, chars: usize) -> io::Result<()> {
        perhaps(self.0.move_cursor_right(chars))
    }

    fn move_cursor_left(&self, chars: usize) -> io::Result<()> {
        perhaps(self.0.move_cursor_left(chars))
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        perhaps(self.0.write_line(line))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        perhaps(self.0.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        perhaps(self.0.clear_line())
    }

    fn flush(&self) -> io::Result<()> {
        perhaps(self.0.flush())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

    use super::*;

    #[test]
    fn bars_on_a_terminal_that_is_gone_end_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let gone = Term::read_write_pair(File::open("/dev/null").unwrap(), writer);
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(Screen(gone))));
        let bar = bars.add(ProgressBar::new(10));
        bar.inc(1);
        bar.tick();
        bars.suspend(|| ());
        bar.finish_and_clear();
    }
}

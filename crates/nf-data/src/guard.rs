//! A fence around the Parquet library, which panics on some damaged files where it should return an
//! error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread's panics are caught here, so that nothing need be printed of them.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `read`; a panic in it becomes an error. Whatever `read` borrows must not be used again
/// after an error.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let found = catch_unwind(AssertUnwindSafe(read));
    CAUGHT.set(outer);
    found.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(format!("is damaged ({text})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_errors() {
        let lie: Vec<u8> = vec![];
        assert!(guarded(|| Ok(lie[3])).unwrap_err().contains("damaged (index out of bounds"));
        assert_eq!(guarded(|| Ok(3)), Ok(3));
        assert_eq!(guarded::<()>(|| Err("as it is".into())), Err("as it is".into()));
    }
}

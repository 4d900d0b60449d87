//! The pool from outside: a test plays the shell, and time is a number.
#![cfg(test)]

mod housekeeping;
mod lending;
mod model;
mod opening;
mod rig;
mod room;
mod sharing;
mod vacating;

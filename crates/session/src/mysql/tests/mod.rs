//! Runs against real servers and against any bytes.

mod commands;
mod ends;
mod left_behind;
mod questions;
mod real;
mod rig;
mod robustness;
mod set_off;

//! One run: start everything, warm it, measure in turns, publish.

use std::{
    env,
    path::PathBuf,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use tollgate_testkit::MySqlKind;

use crate::{
    Options,
    door::{Entry, Tls},
    load::{
        pgbench::{Load, Mode, Script},
        sysbench,
    },
    options::Plan,
    reading::Readings,
    report::{self, Machine},
    stage::{MySqlStage, Stage},
    system::System,
    work::{Group, Scene, Work, chosen},
};

/// Measures what `options` ask for.
pub fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    raise_descriptor_limit();
    let systems = options.systems()?;
    let groups = options.groups()?;
    let plan = options.plan();
    let mut machine = Machine::read(&systems);
    say("starting PostgreSQL and the proxies");
    let stage = Stage::start(&systems)?;
    machine.note(format!("PostgreSQL {}", stage.version()?));
    let mysql = mysql_stage(&groups, &systems)?;
    if let Some(mysql) = &mysql {
        machine.note(format!("MySQL {}", mysql.version()?));
    }
    warm(&stage, &systems)?;
    let scene = Scene {
        stage: &stage,
        mysql: mysql.as_ref(),
        plan,
    };
    let readings = measure(&scene, &chosen(&groups, plan.length), &systems);
    say(&format!("measured in {} s", started.elapsed().as_secs()));
    let json = options.json.clone().map_or_else(default_json, Ok)?;
    report::publish(&readings, &machine, &json)
}

fn measure(scene: &Scene<'_>, works: &[Work], systems: &[System]) -> Readings {
    let mut readings = Readings::default();
    let mut dice = Dice::new();
    let Plan { repetitions, .. } = scene.plan;
    for repetition in 0..repetitions {
        for work in works {
            if repetition > 0 && work.is_repeatable() {
                continue;
            }
            say(&format!(
                "repetition {} of {repetitions}: {}",
                repetition + 1,
                work.title()
            ));
            let mut order = systems.to_vec();
            dice.shuffle(&mut order);
            for (system, outcome) in work.measure(scene, &order) {
                match outcome {
                    Ok(values) => readings.took(system, repetition, &values),
                    Err(error) => readings.failed(&work.title(), system, format!("{error:#}")),
                }
            }
        }
    }
    readings
}

/// MySQL takes part when it is asked for and installed.
fn mysql_stage(groups: &[Group], systems: &[System]) -> Result<Option<MySqlStage>> {
    if !groups.contains(&Group::MySql) {
        return Ok(None);
    }
    if !sysbench::is_installed() {
        say("SKIPPED: MySQL, because sysbench is not installed");
        return Ok(None);
    }
    if !MySqlKind::MySql9.available() {
        say("SKIPPED: MySQL, because no server is installed");
        return Ok(None);
    }
    say("starting MySQL and the proxies before it");
    MySqlStage::start(systems)
        .context("starting MySQL and the proxies before it")
        .map(Some)
}

/// Opens the server connections of every pool, which are then kept.
fn warm(stage: &Stage, systems: &[System]) -> Result<()> {
    for &system in systems.iter().filter(|&&one| one != System::Direct) {
        for tls in [Tls::Off, Tls::On] {
            if let Some(door) = stage.door(system, Entry::Cheap(tls)) {
                let load = Load {
                    mode: Mode::Simple,
                    script: Script::Builtin,
                    clients: 32,
                };
                load.run_transactions(&door, 50)
                    .with_context(|| format!("a first run through {}", system.name()))?;
            }
        }
    }
    Ok(())
}

/// Beside this program: `bench.json` in cargo's target folder.
fn default_json() -> Result<PathBuf> {
    let program = env::current_exe().context("finding this program")?;
    let target = program
        .parent()
        .and_then(std::path::Path::parent)
        .context("this program lies in no target folder")?;
    Ok(target.join("bench.json"))
}

/// Thousands of clients need as many descriptors, here and in the programs that are started.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, most).is_err() {
        say("the limit of open files stays as it is");
    }
}

fn say(text: &str) {
    eprintln!("==> {text}");
}

/// Shuffles, so that no system always runs first. Any order will do: nobody attacks a measurement.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(1, |time| u64::from(time.subsec_nanos()) | 1))
    }

    /// xorshift64 (Marsaglia, 2003).
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides.max(1)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.roll(last + 1));
        }
    }
}

//! A real terminal, of util-linux's `script`, and what a person sees on it: the
//! screen, after all that moves the cursor.

use crate::{canary, cluster::within};
use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

/// More than anything prints here.
const ROWS: u16 = 300;

/// A program that runs on a terminal.
pub struct Terminal {
    width: u16,
    child: Child,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

/// What it left.
pub struct Screen {
    pub code: i32,
    /// All that was written, with what colours it and moves the cursor.
    pub raw: String,
    parser: vt100::Parser,
}

impl Terminal {
    /// Runs `program` with its arguments, environment and folder, on a terminal
    /// of this width.
    pub fn run(width: u16, program: &Command) -> Self {
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', r"'\''"));
        let words: Vec<String> = [program.get_program()].into_iter().chain(program.get_args()).map(quoted).collect();
        // what starts the tests may have it ignore Ctrl-C; a terminal does not
        let line = format!("stty cols {width} rows 50 && exec env --default-signal=INT {}", words.join(" "));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
        script.env_remove("COLUMNS").env_remove("NO_COLOR");
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        if let Some(folder) = program.get_current_dir() {
            script.current_dir(folder);
        }
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let written = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&written);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut piece) {
                copy.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Self { width, child, keys, written, reader }
    }

    /// Waits until `text` was written.
    pub fn until(&self, text: &str) {
        let found = within(60, || self.now().contains(text).then_some(()));
        assert!(found.is_some(), "{text:?} never came: {}", self.now());
    }

    /// Presses these keys.
    pub fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end.
    pub fn end(mut self) -> Screen {
        let ended = within(60, || self.child.try_wait().unwrap());
        let Some(status) = ended else {
            drop(self.child.kill()); // the terminal goes, and what runs on it
            panic!("it does not end: {}", self.now());
        };
        let code = status.code().unwrap_or(-1);
        self.reader.join().unwrap();
        let mut parser = vt100::Parser::new(ROWS.try_into().unwrap(), self.width.try_into().unwrap(), 0);
        let raw = self.written.lock().unwrap();
        canary::assert_none("the output", &String::from_utf8_lossy(&raw));
        parser.process(&raw);
        Screen { code, raw: String::from_utf8_lossy(&raw).into_owned(), parser }
    }

    fn now(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }
}

/// What `program` shows to its end.
pub fn run_to_end(width: u16, program: &Command) -> Screen {
    Terminal::run(width, program).end()
}

impl Screen {
    /// The lines of the screen down to the last one that is not empty. None was
    /// broken by the terminal: the program knew how wide it is.
    #[track_caller]
    pub fn lines(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let broken = (0..ROWS).find(|row| screen.row_wrapped(*row));
        assert_eq!(broken, None, "a line is too long:\n{}", screen.contents());
        screen.contents().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The lines as one text.
    #[track_caller]
    pub fn text(&self) -> String {
        self.lines().iter().map(|line| format!("{line}\n")).collect()
    }

    /// The colour of `word` where it stands first: a number of ANSI, `None` for
    /// the usual one.
    #[track_caller]
    pub fn colour(&self, word: &str) -> Option<u8> {
        let screen = self.parser.screen();
        let (_, width) = screen.size();
        let at = screen
            .rows(0, width.into())
            .enumerate()
            .find_map(|(row, line)| Some((row, line.find(word).map(|at| line[..at].chars().count())?)));
        let (row, column) = at.unwrap_or_else(|| panic!("no {word:?} in\n{}", screen.contents()));
        match screen.cell(row.try_into().unwrap(), column.try_into().unwrap()).unwrap().fgcolor() {
            vt100::Color::Idx(colour) => Some(colour),
            _ => None,
        }
    }
}

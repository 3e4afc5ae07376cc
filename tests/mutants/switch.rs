//! Puts mutants into the text of a file, each behind its switch. Nothing of the file is taken away: an expression comes to
//! stand in the last branch of an `if` whose other branches are its mutants, with the operands as they were.

use crate::listed::{Mutant, Place, at};
use proc_macro2::{LineColumn, Span};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::{Path, PathBuf},
};
use syn::{
    Arm, BinOp, Expr, ExprBinary, ExprStruct, ExprUnary, Signature,
    spanned::Spanned,
    visit::{self, Visit},
};

/// In the copy, for the code that asks which mutant it is. With `REACHED`, the name of a file, it is none, and each that is
/// asked for is written there.
pub(crate) const SWITCH: &str = "
pub(crate) fn mutant(number: usize) -> bool {
    use std::{fs::File, io::Write, sync::{LazyLock, atomic::{AtomicBool, Ordering}}};
    static CHOSEN: LazyLock<usize> =
        LazyLock::new(|| std::env::var(\"MUTANT\").map_or(0, |number| number.parse().unwrap()));
    static REACHED: LazyLock<Option<File>> =
        LazyLock::new(|| std::env::var(\"REACHED\").ok().map(|path| File::create(path).unwrap()));
    static SEEN: [AtomicBool; 10_000] = [const { AtomicBool::new(false) }; 10_000];
    if *CHOSEN == 0 && !SEEN[number].swap(true, Ordering::Relaxed) {
        if let Some(mut file) = REACHED.as_ref() {
            // in one write, since other threads write too, and without memory, since a test counts that
            let digit = |place: usize| b'0' + u8::try_from(number / place % 10).unwrap();
            file.write_all(&[digit(1000), digit(100), digit(10), digit(1), b'\\n']).unwrap();
        }
    }
    *CHOSEN == number
}
";

/// The files that have mutants, as they were.
pub(crate) fn originals(place: &Path, mutants: &[Mutant]) -> BTreeMap<PathBuf, String> {
    let files: BTreeSet<PathBuf> = mutants.iter().map(|mutant| place.join(&mutant.file)).collect();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// A part of the text that belongs to some mutants: what the compiler says of it is about them.
pub(crate) struct Region {
    pub(crate) bytes: Range<usize>,
    pub(crate) mutants: Vec<usize>,
    /// The code of one mutant, and not what is around all of them.
    pub(crate) is_a_branch: bool,
}

/// The file with the `chosen` ones of its mutants, which are known by their numbers.
pub(crate) fn switched(code: &str, chosen: &[(usize, &Mutant)]) -> (String, Vec<Region>) {
    let mut here: BTreeMap<(Place, &str), Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in chosen {
        here.entry((mutant.start, &mutant.genre)).or_default().push((*number, mutant));
    }
    let mut text = Text { code, here, inserts: Vec::new() };
    text.visit_file(&syn::parse_file(code).unwrap());
    text.render()
}

/// What is put before some bytes, in parts, each with the mutants that it is; and after them.
type Insert = (Range<usize>, Vec<(String, Vec<usize>)>, &'static str);

struct Text<'a> {
    code: &'a str,
    here: BTreeMap<(Place, &'a str), Vec<(usize, &'a Mutant)>>,
    /// What is put around which bytes, the outer ones first.
    inserts: Vec<Insert>,
}

impl<'a> Text<'a> {
    fn at(&self, place: LineColumn) -> usize {
        at(self.code, (place.line, place.column + 1))
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        self.at(span.start())..self.at(span.end())
    }

    fn of(&self, part: &impl Spanned) -> &'a str {
        &self.code[self.bytes(part.span())]
    }

    fn mutants(&self, start: LineColumn, genre: &str) -> Vec<(usize, &'a Mutant)> {
        self.here.get(&((start.line, start.column + 1), genre)).cloned().unwrap_or_default()
    }

    /// The expression as the last branch of an `if` of its mutants.
    fn wrap(&mut self, whole: Range<usize>, branches: Vec<(usize, String)>) {
        if !branches.is_empty() {
            let mut parts = vec![("(".to_owned(), Vec::new())];
            for (number, branch) in branches {
                parts.push((format!("if crate::mutant({number}) {{ {branch} }} else "), vec![number]));
            }
            parts.push(("{ ".to_owned(), Vec::new()));
            self.inserts.push((whole, parts, " })"));
        }
    }

    fn body(&mut self, signature: &Signature, block: &syn::Block) {
        let Some(first) = block.stmts.first() else { return };
        let mutants = self.mutants(first.span().start(), "FnValue");
        if mutants.is_empty() {
            return;
        }
        if let Some(token) = &signature.constness {
            self.inserts.push((self.bytes(token.span()), vec![("/* ".to_owned(), Vec::new())], " */"));
        }
        let returns = |(number, mutant): &(usize, &Mutant)| {
            (format!("if crate::mutant({number}) {{ return {}; }} ", mutant.replacement), vec![*number])
        };
        let at = self.at(first.span().start());
        self.inserts.push((at..at, mutants.iter().map(returns).collect(), ""));
    }

    fn render(self) -> (String, Vec<Region>) {
        // at one place: what ends there, the inner ones first, and then what begins there, the outer ones first
        let mut points = Vec::new();
        for (order, (whole, parts, end)) in self.inserts.iter().enumerate() {
            let depth = isize::try_from(order).unwrap();
            points.push((whole.start, 1, depth, order, Some(parts)));
            if !end.is_empty() {
                points.push((whole.end, 0, -depth, order, None));
            }
        }
        points.sort_by_key(|(at, begins, depth, ..)| (*at, *begins, *depth));
        let (mut text, mut done, mut regions) = (String::new(), 0, Vec::new());
        let mut opened = BTreeMap::new();
        for (at, _, _, order, parts) in points {
            text.push_str(&self.code[done..at]);
            done = at;
            let Some(parts) = parts else {
                text.push_str(self.inserts[order].2);
                let mutants = self.inserts[order].1.iter().flat_map(|(_, mutants)| mutants).copied().collect();
                regions.push(Region { bytes: opened[&order]..text.len(), mutants, is_a_branch: false });
                continue;
            };
            opened.insert(order, text.len());
            for (part, mutants) in parts {
                let start = text.len();
                text.push_str(part);
                if !mutants.is_empty() {
                    regions.push(Region { bytes: start..text.len(), mutants: mutants.clone(), is_a_branch: true });
                }
            }
        }
        text.push_str(&self.code[done..]);
        regions.retain(|region| !region.mutants.is_empty());
        (text, regions)
    }
}

/// Whether a pattern is tested in it, which can't stand in an `if` of its own.
fn has_pattern(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, op: BinOp::And(_) | BinOp::Or(_), right, .. }) => {
            has_pattern(left) || has_pattern(right)
        }
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Text<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.body(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.body(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.body(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        if !has_pattern(&binary.left) && !has_pattern(&binary.right) {
            let (left, right) = (self.of(&*binary.left), self.of(&*binary.right));
            let mutants = self.mutants(binary.op.span().start(), "BinaryOperator");
            let branch =
                |(number, mutant): &(usize, &Mutant)| (*number, format!("{left} {} {right}", mutant.replacement));
            self.wrap(self.bytes(binary.span()), mutants.iter().map(branch).collect());
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        let mutants = self.mutants(unary.op.span().start(), "UnaryOperator");
        let operand = self.of(&*unary.expr);
        let branches = mutants.iter().map(|(number, _)| (*number, operand.to_owned())).collect();
        self.wrap(self.bytes(unary.span()), branches);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        for (number, _) in self.mutants(arm.span().start(), "MatchArm") {
            let at = self.bytes(arm.pat.span()).end;
            self.inserts.push((at..at, vec![(format!(" if !crate::mutant({number})"), vec![number])], ""));
        }
        if let Some((_, guard)) = &arm.guard
            && !has_pattern(guard)
        {
            let mutants = self.mutants(guard.span().start(), "MatchArmGuard");
            let branches = mutants.iter().map(|(number, mutant)| (*number, mutant.replacement.clone())).collect();
            self.wrap(self.bytes(guard.span()), branches);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, made: &'ast ExprStruct) {
        if let Some(rest) = &made.rest {
            let (base, path) = (self.of(&**rest), self.of(&made.path));
            let base = if base == "Default::default()" { format!("{path}::default()") } else { format!("({base})") };
            for field in &made.fields {
                let name = self.of(&field.member);
                let mutants = self.mutants(field.span().start(), "StructField");
                let branches = mutants.iter().map(|(number, _)| (*number, format!("{base}.{name}"))).collect();
                let value = self.bytes(field.expr.span());
                if field.colon_token.is_none() && !mutants.is_empty() {
                    self.inserts.push((value.start..value.start, vec![(format!("{name}: "), Vec::new())], ""));
                }
                self.wrap(value, branches);
            }
        }
        visit::visit_expr_struct(self, made);
    }
}

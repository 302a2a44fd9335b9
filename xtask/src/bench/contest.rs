//! Ours and its peers are measured in turn, A B C A B C, so that a busy machine is busy for all of them. What counts is
//! the median of the ratios within a round: ours against the peer that is the best in this row.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::median;
use crate::print;

/// After this time, three rounds of a row must do.
const TIME_FOR_A_ROW: Duration = Duration::from_secs(15);

/// After this time, three rounds of each row must do that is still to come.
const TIME_FOR_ALL: Duration = Duration::from_secs(120);

/// One who takes part: ours is the first.
pub struct Contestant<T> {
    pub name: &'static str,
    /// What is measured; or why it is not.
    pub what: anyhow::Result<T>,
}

impl<T> Contestant<T> {
    pub fn new(name: &'static str, what: anyhow::Result<T>) -> Contestant<T> {
        Contestant { name, what }
    }
}

/// Which figures are good.
#[derive(Clone, Copy)]
pub enum Better {
    More,
    Less,
}

/// What is measured at a time, and the ratio that is due.
pub struct Figure<'a> {
    pub row: &'a str,
    pub better: Better,
    pub due: f64,
}

/// Measures everybody `runs` times, and prints a row for each figure. Whoever fails takes no part any more.
pub fn rows<T, const N: usize>(
    contestants: &mut [Contestant<T>],
    runs: u32,
    figures: [Figure; N],
    mut measure: impl FnMut(&mut T) -> anyhow::Result<[f64; N]>,
) {
    let mut rounds: Vec<Vec<[f64; N]>> = contestants.iter().map(|_| Vec::new()).collect();
    static ALL_BEGAN: OnceLock<Instant> = OnceLock::new();
    let (all_began, began) = (ALL_BEGAN.get_or_init(Instant::now), Instant::now());
    for round in 0..runs {
        for (contestant, results) in contestants.iter_mut().zip(&mut rounds) {
            match contestant.what.as_mut().map(&mut measure) {
                Ok(Ok(result)) => results.push(result),
                Ok(Err(why)) => contestant.what = Err(why.context("it failed")),
                Err(_) => {}
            }
        }
        if round >= 2 && (began.elapsed() > TIME_FOR_A_ROW || all_began.elapsed() > TIME_FOR_ALL) {
            break;
        }
    }
    for (at, figure) in figures.iter().enumerate() {
        let column = |results: &Vec<[f64; N]>| results.iter().map(|result| result[at]).collect::<Vec<_>>();
        let present = contestants.iter().zip(&rounds).map(|(contestant, results)| (contestant, column(results)));
        let results =
            present.map(|(contestant, results)| contestant.what.is_ok().then_some(results)).collect::<Vec<_>>();
        let names: Vec<_> = contestants.iter().map(|contestant| contestant.name).collect();
        print(&row(figure, &names, &results));
    }
}

/// The names above the columns.
pub fn heading<T>(title: &str, contestants: &[Contestant<T>]) {
    let names: String = contestants.iter().map(|contestant| format!(" {:>10}", contestant.name)).collect();
    print(&format!("\n{title:<36}{names}   ratio   due\n"));
}

/// Who took no part, and why.
pub fn absent<T>(contestants: &[Contestant<T>]) {
    for contestant in contestants {
        if let Err(why) = &contestant.what {
            print(&format!("without {}: {why:#}\n", contestant.name));
        }
    }
}

/// A limit that ours has to keep; nobody is measured against.
pub fn limit(row: &str, figure: f64, most: f64) {
    let verdict = if figure <= most { "reached" } else { "MISSED" };
    print(&format!("{row:<36} {figure:>10.1}   at most {most}: {verdict}\n"));
}

fn row(figure: &Figure, names: &[&str], results: &[Option<Vec<f64>>]) -> String {
    let medians: Vec<_> = results.iter().map(|results| results.clone().map(median)).collect();
    let cells = medians
        .iter()
        .map(|median| median.map_or_else(|| format!(" {:>10}", "-"), |median| format!(" {:>10}", short(median))));
    format!("{:<36}{}   {}\n", figure.row, cells.collect::<String>(), verdict(figure, names, results, &medians))
}

/// The ratio, which is above 1 where ours is better.
fn verdict(figure: &Figure, names: &[&str], results: &[Option<Vec<f64>>], medians: &[Option<f64>]) -> String {
    let goodness = |figure_of: f64| match figure.better {
        Better::More => figure_of,
        Better::Less => -figure_of,
    };
    let peers = (1..names.len()).filter_map(|peer| Some((peer, goodness(medians[peer]?))));
    let best = peers.max_by(|(_, one), (_, other)| one.total_cmp(other));
    let (Some((best, _)), Some(ours)) = (best, &results[0]) else { return "nobody to compare with".to_owned() };
    let theirs = results[best].iter().flatten();
    let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| match figure.better {
        Better::More => ours / theirs,
        Better::Less => theirs / ours,
    });
    let ratio = median(ratios.collect());
    let verdict = if ratio >= figure.due { "reached" } else { "MISSED" };
    format!("{ratio:>5.2} {:>5.2}  {verdict}, against {}", figure.due, names[best])
}

/// Few digits, as many as one can compare.
fn short(figure: f64) -> String {
    match figure {
        _ if figure >= 1e6 => format!("{:.2} M", figure / 1e6),
        _ if figure >= 1e4 => format!("{:.1} k", figure / 1e3),
        _ if figure >= 100.0 => format!("{figure:.0}"),
        _ => format!("{figure:.1}"),
    }
}

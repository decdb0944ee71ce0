//! A drawing of a few series over time, as SVG: black by itself, in the colours of the text where
//! a page holds it.

use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 90.0;
const TOP: f64 = 40.0;

/// One series, drawn by itself.
pub(super) struct Series<'s> {
    pub(super) title: &'s str,
    /// Seconds and values.
    pub(super) points: Vec<(f64, f64)>,
}

/// The series one under the other, over the same time.
pub(super) fn svg(title: &str, series: &[Series<'_>]) -> String {
    let height = TOP + HEIGHT * f64::from(u32::try_from(series.len()).unwrap_or(1)) + 20.0;
    let width = LEFT + WIDTH + 30.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{title}\" fill=\"currentColor\" font-family=\"sans-serif\" \
         font-size=\"13\"><text x=\"{LEFT}\" y=\"22\" font-size=\"16\">{title}</text>\n"
    );
    let mut top = TOP;
    for one in series {
        draw(&mut out, one, top);
        top += HEIGHT;
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, series: &Series<'_>, top: f64) {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(1.0_f64, f64::max);
    let last = most(&mut series.points.iter().map(|(at, _)| *at));
    let max = most(&mut series.points.iter().map(|(_, value)| *value)) * 1.1;
    let (inner, base) = (HEIGHT - 50.0, top + HEIGHT - 30.0);
    let place = |(at, value): &(f64, f64)| {
        format!("{:.1},{:.1}", LEFT + at / last * WIDTH, base - value / max * inner)
    };
    let line: Vec<String> = series.points.iter().map(place).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{}\">{}</text>\
         <path d=\"M{LEFT} {} V{base} H{}\" fill=\"none\" stroke=\"currentColor\" opacity=\"0.4\"/>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{max:.0}</text>\
         <text x=\"{}\" y=\"{base}\" text-anchor=\"end\">0</text>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{last:.0} s</text>\
         <polyline points=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\"/>",
        top + 14.0,
        series.title,
        base - inner,
        LEFT + WIDTH,
        LEFT - 6.0,
        base - inner + 10.0,
        LEFT - 6.0,
        LEFT + WIDTH,
        base + 18.0,
        line.join(" "),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_every_point_and_stays_within_its_frame() {
        let points = vec![(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)];
        let drawn = svg("t", &[Series { title: "a", points }]);
        let (_, line) = drawn.split_once("polyline points=\"").unwrap();
        let (line, _) = line.split_once('"').unwrap();
        assert_eq!(line.split(' ').count(), 3);
        assert!(line.starts_with("90.0,230.0 ") && line.ends_with("990.0,75.5"), "{line}");
    }
}

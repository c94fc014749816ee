//! Content of the course pages.

use crate::html::escape;

/// The offering shown at `/`.
pub(super) const DEFAULT_SKU: &str = "ru-redis-fundamentals";

/// One offering's page.
pub(super) struct Course {
    pub(super) title: String,
    eyebrow: &'static str,
    lead: &'static str,
    facts: [(&'static str, &'static str); 3],
    outline: &'static [(&'static str, &'static str)],
    instructor: (&'static str, &'static str),
}

const FUNDAMENTALS: &[(&str, &str)] = &[
    (
        "Why a data structure server",
        "What Redis is for, what it is not for, and how a single thread serves a million requests a second.",
    ),
    (
        "Strings, hashes, lists, sets",
        "The everyday structures, what each costs, and how to choose keys you will not regret.",
    ),
    (
        "Sorted sets and streams",
        "Leaderboards, queues and event logs, with consumer groups that survive a crash.",
    ),
    ("Expiry, eviction and memory", "Caching patterns that hold under load, and the ones that do not."),
    ("Persistence and replication", "Snapshots, the append-only file, and what happens when a primary dies."),
];
const SEARCH: &[(&str, &str)] = &[
    ("Day one: from keys to an index", "Schemas, full-text and numeric queries, aggregation."),
    ("Day one: embeddings", "Choosing a model, a distance and an index; loading a million vectors."),
    ("Day two: hybrid retrieval", "Filters first or vectors first, re-ranking, measuring recall."),
    ("Day two: in production", "Sizing, sharding, and keeping latency flat while you reindex."),
];
const EXAM: &[(&str, &str)] = &[
    ("Format", "Ninety minutes, sixty questions, in your browser, at a time of your choosing."),
    ("What is asked", "Data modelling, search, streams, security, operations."),
    ("Result", "At once, with a badge that employers can verify for three years."),
];

impl Course {
    pub(super) fn find(sku: &str) -> Self {
        if sku.contains("live") {
            Self {
                title: "Vector search with Redis, live".to_owned(),
                eyebrow: "Live training · two days · online",
                lead: "Build retrieval that answers in milliseconds, beside an engineer who has put it into production.",
                facts: [("Dates", "9–10 December"), ("Seats", "Limited"), ("Level", "Intermediate")],
                outline: SEARCH,
                instructor: (
                    "Ines Okafor",
                    "Leads field engineering for search. Has indexed more product catalogues than she can count.",
                ),
            }
        } else if sku.contains("cert") || sku.contains("exam") {
            Self {
                title: "Redis Certified Developer".to_owned(),
                eyebrow: "Certification exam",
                lead: "Show that you can design, build and run applications on Redis.",
                facts: [("Length", "90 minutes"), ("Attempts", "One retake"), ("Valid", "3 years")],
                outline: EXAM,
                instructor: (
                    "The Redis University team",
                    "Writes every question, and retires those that stop telling anything.",
                ),
            }
        } else {
            let title =
                if sku == DEFAULT_SKU { "Redis fundamentals".to_owned() } else { format!("Course {sku}") };
            Self {
                title,
                eyebrow: "On-demand course · 6 hours",
                lead: "Learn the data structures, the habits and the trade-offs that make Redis fast, by building with them.",
                facts: [("Length", "6 hours"), ("Access", "12 months"), ("Level", "Beginner")],
                outline: FUNDAMENTALS,
                instructor: (
                    "Mateo Lindqvist",
                    "Has taught Redis to four thousand developers, and still reads the source for pleasure.",
                ),
            }
        }
    }

    pub(super) fn html(&self, element: &str) -> String {
        let facts: String = self
            .facts
            .iter()
            .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>"))
            .collect();
        let outline: String = self
            .outline
            .iter()
            .map(|(title, text)| format!("<li><h3>{title}</h3><p>{text}</p></li>"))
            .collect();
        let (name, about) = self.instructor;
        format!(
            "<main class=\"course\"><div class=\"hero\"><p class=\"eyebrow\">{}</p><h1>{}</h1>\
             <p class=\"lead\">{}</p><dl>{facts}</dl></div>\
             <aside aria-label=\"Enroll\">{element}</aside>\
             <div class=\"about\"><section><h2>What you will learn</h2><ol>{outline}</ol></section>\
             <section><h2>Your instructor</h2><div class=\"person\"><span class=\"face\" aria-hidden=\"true\">{}</span>\
             <div><h3>{name}</h3><p>{about}</p></div></div></section></div></main>",
            self.eyebrow,
            escape(&self.title),
            self.lead,
            name.chars().next().unwrap_or('R'),
        )
    }
}

//! The answer: what was found out about one tool, and the words that decided it.

use policy::Category;
use serde::{Deserialize, Serialize};

/// What a tool can do, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The worst kind of deed that the tool can do.
    pub category: Category,
    /// How much harm a careless call can do.
    pub level: Level,
    /// Why the level is not the usual one of the category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_reason: Option<String>,
    /// How sure the category is, in percent.
    pub confidence: u8,
    /// The words that decided, the most telling first.
    pub evidence: Vec<Evidence>,
    /// What else a reviewer should see.
    pub signals: Vec<Signal>,
    /// The attacks that a tool like this is open to.
    pub attack_patterns: Vec<AttackPattern>,
}

/// A quotation from the definition and what it tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The field that is quoted.
    pub source: Source,
    /// The words, as they stand there.
    pub quote: String,
    /// What they tell, in a sentence.
    pub why: String,
}

/// A field of a tool's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The name.
    Name,
    /// The title.
    Title,
    /// The description.
    Description,
    /// The input schema.
    Schema,
    /// What the server claims about the tool.
    Annotations,
}

/// How much harm a careless call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// None to speak of.
    Low,
    /// Harm that can be put right.
    Medium,
    /// Harm that depends on the arguments.
    High,
    /// Harm that stays.
    Critical,
}

impl Level {
    /// The word used in documents, answers and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level of a category, where nothing raises it.
    pub const fn of(category: Category) -> Self {
        match category {
            Category::Read => Self::Low,
            Category::Write => Self::Medium,
            Category::Execute => Self::High,
            Category::Destructive | Category::Financial => Self::Critical,
        }
    }
}

/// Something in a definition that a reviewer should see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// An argument is code or a command.
    FreeFormCode,
    /// An argument is a query in a language of its own.
    FreeFormQuery,
    /// An argument is a URL.
    Url,
    /// An argument is a path of a file system.
    FilePath,
    /// It handles credentials or secrets.
    Credential,
    /// An argument says who receives something.
    Recipient,
    /// An argument is an amount of money.
    Amount,
    /// It acts on many things at once.
    Bulk,
    /// It touches rights, roles or members.
    AdminScope,
    /// It takes more than twelve arguments.
    ManyParameters,
    /// The definition holds invisible or text-reversing characters.
    HiddenUnicode,
    /// The definition speaks to the model rather than of the tool.
    ModelInstructions,
    /// The definition's parts, or the server's claims, contradict each other.
    Contradiction,
}

/// A way in which tools are abused; each has a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackPattern {
    /// Text that the tool brings in gives the agent orders.
    IndirectPromptInjection,
    /// The definition itself gives the agent orders.
    ToolPoisoning,
    /// The definition changes after it was reviewed.
    RugPull,
    /// A tool or server passes for another by its name.
    Typosquatting,
    /// An agent calls it over and over.
    RunawayToolLoop,
    /// An agent destroys things on its own judgement.
    DestructiveActionAutonomy,
    /// Private data leaves through it.
    DataExfiltration,
    /// Secrets come out in its answers.
    CredentialLeak,
    /// It fetches addresses that only the server can reach.
    Ssrf,
    /// It spends money bit by bit.
    SpendDrain,
    /// It widens somebody's rights.
    PrivilegeEscalation,
}

//! `tokens`: service tokens of other systems, and their scopes.
use super::show::{moment, print, print_json, table};
use super::{OperatorArgs, Refused};
use crate::account::{Scope, new_token, token_hash};
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand)]
pub enum TokensCommand {
    /// Creates a token and prints it. It can't be shown again.
    Create {
        /// System that uses the token.
        name: String,
        /// Scope of the token: feed, learners or funnel; repeat for several.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Lists all tokens, including revoked ones.
    List {
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Revokes a token, immediately and permanently.
    Revoke {
        /// Name of the token.
        name: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

/// Runs one of the `tokens` subcommands.
pub async fn tokens(command: TokensCommand) -> anyhow::Result<()> {
    match command {
        TokensCommand::Create { name, scopes, args } => create(&args, name.trim(), &scopes).await,
        TokensCommand::List { args } => list(&args).await,
        TokensCommand::Revoke { name, args } => revoke(&args, name.trim()).await,
    }
}

async fn create(args: &OperatorArgs, name: &str, scopes: &[String]) -> anyhow::Result<()> {
    let who = args.operator()?;
    if name.is_empty() {
        return Err(wrong("NAME", "must name the system that uses the token".to_owned()));
    }
    let known = scopes.iter().map(|scope| {
        let unknown = || wrong("--scope", format!("{scope:?} must be feed, learners or funnel"));
        Scope::parse(scope).map(Scope::name).ok_or_else(unknown)
    });
    let scopes = known.collect::<Result<Vec<_>, _>>()?;
    let store = args.open().await?;
    let (token, now) = (new_token(), store.now().await?);
    let mut tx = store.begin().await?;
    if !tx.insert_token(name, &token_hash(&token), &scopes, now).await? {
        return Err(wrong("NAME", format!("a token named {name:?} already exists: choose another name")));
    }
    tx.audit(who, "create token", None, &format!("{name}: {}", scopes.join(" ")), now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&json!({ "name": name, "scopes": scopes, "token": token }));
    }
    print(&token);
    Ok(())
}

async fn list(args: &OperatorArgs) -> anyhow::Result<()> {
    let tokens = args.open().await?.tokens().await?;
    let rows = tokens.iter().map(|token| {
        vec![
            token.name.clone(),
            token.scopes.join(" "),
            moment(token.created_at),
            token.revoked_at.map(moment).unwrap_or_default(),
        ]
    });
    table(args.json, &tokens, &["name", "scopes", "created", "revoked"], rows.collect())
}

async fn revoke(args: &OperatorArgs, name: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    if !tx.revoke_token(name, now).await? {
        return Err(wrong("NAME", format!("no active token is named {name:?}: see `tokens list`")));
    }
    tx.audit(who, "revoke token", None, name, now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&json!({ "name": name, "revoked_at": now }));
    }
    print(&format!("{name}: token revoked"));
    Ok(())
}

fn wrong(field: &'static str, detail: String) -> anyhow::Error {
    Refused::Field { field, detail }.into()
}

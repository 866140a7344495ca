//! What a command's help ends with: its examples.

use clap::Command;

/// Gives every command that has no examples of its own those of its group that begin with its words, so
/// that each is written once.
pub(crate) fn handed_down(command: Command) -> Command {
    hand_down(command, "", "")
}

fn hand_down(command: Command, group: &str, of_group: &str) -> Command {
    let words = format!("{group}{} ", command.get_name());
    let own = command.get_after_help().map(ToString::to_string);
    let (command, examples) = match own {
        Some(own) => (command, own),
        None => {
            let begins = |line: &&str| format!("{} ", line.trim_start()).starts_with(&words);
            let lines: Vec<&str> = of_group.lines().filter(begins).collect();
            let examples = format!("Examples:\n{}", lines.join("\n"));
            (command.after_help(examples.clone()), examples)
        }
    };
    command.mut_subcommands(|each| hand_down(each, &words, &examples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    /// Commands without an example; a group leaves that to its commands.
    fn without(command: &Command) -> Vec<String> {
        let name = command.get_name();
        if command.has_subcommands() {
            let below = command.get_subcommands().flat_map(without);
            return below.map(|below| format!("{name} {below}")).collect();
        }
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let has_one = help.starts_with("Example") && help.lines().nth(1).is_some();
        if has_one { Vec::new() } else { vec![name.to_owned()] }
    }

    #[test]
    fn every_command_has_an_example() {
        assert_eq!(without(&handed_down(Cli::command())), Vec::<String>::new());
    }

    #[test]
    fn an_example_is_shown_by_the_command_it_is_of() {
        let mut command = handed_down(Cli::command());
        let mut help = |words: &[&str]| {
            let leaf = words
                .iter()
                .try_fold(&mut command, |command, word| command.find_subcommand_mut(word));
            leaf.map(|leaf| leaf.render_help().to_string()).unwrap_or_default()
        };
        let rotate = help(&["key", "rotate"]);
        assert!(rotate.contains("tally key rotate 0123"), "{rotate}");
        assert!(!rotate.contains("tally key list"), "{rotate}");
        assert!(help(&["share", "create", "savings"]).contains("tally share create savings --by"));
    }
}

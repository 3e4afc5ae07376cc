//! What a completion script gets besides the verbs and flags that clap knows: the shell asks the
//! program itself, which knows the names in the cluster too.

/// The word before the words to complete, which asks for what the last one can become.
pub const COMPLETE: &str = "__complete";

/// The name under which kubectl asks its plugin `osp` for completions.
pub const KUBECTL_COMPLETE: &str = "kubectl_complete-osp";

/// The end of the answer to kubectl: no file names.
pub const NO_FILES: &str = ":4";

/// The same: names of files too, if there is nothing else to choose from.
pub const FILES_TOO: &str = ":0";

/// The addition for the shell of this name; empty for a shell that can't ask.
pub const fn asking(shell: &str) -> &'static str {
    match shell.as_bytes() {
        b"bash" => BASH,
        b"zsh" => ZSH,
        b"fish" => FISH,
        _ => "",
    }
}

const BASH: &str = r#"
_osp_asking() {
    local found
    found=$(osp __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | grep -v '^:')
    if [ -n "$found" ]; then
        mapfile -t COMPREPLY <<<"$found"
    else
        _osp "$@"
    fi
}
complete -F _osp_asking -o nosort -o bashdefault -o default osp
"#;

const ZSH: &str = r#"
_osp_asking() {
    local -a found
    found=(${(f)"$(osp __complete "${(@)words[2,CURRENT]}" 2>/dev/null | grep -v '^:')"})
    if (( $#found )); then
        [[ ${words[CURRENT]} == -*=* ]] && compset -P '*='
        compadd -a found
    else
        _osp "$@"
    fi
}
compdef _osp_asking osp
"#;

const FISH: &str = r#"
function __osp_asking
    osp __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null | string match -v -r '^:'
end
complete -c osp -f -n "__fish_seen_subcommand_from status diff explain history reconcile suspend resume man" -a "(__osp_asking)"
complete -c osp -s n -l namespace -x -a "(__osp_asking)"
complete -c osp -l context -x -a "(__osp_asking)"
complete -c osp -l cluster -x -a "(__osp_asking)"
complete -c osp -l user -x -a "(__osp_asking)"
"#;

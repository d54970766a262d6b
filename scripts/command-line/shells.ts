/**
 * The scripts that shells load. In each of them one function knows what may stand after which words, and
 * another finds the words before the cursor. An option that takes a value ends with an equals sign there;
 * where its values are not known, files are completed.
 */
import type { Level } from './levels.ts'

/** A script for each shell. Words and summaries hold nothing that a shell would read inside single quotes. */
export const SHELLS: Record<string, (levels: Level[]) => string> = { bash, zsh, fish }

function bash(levels: Level[]): string {
  const cases = levels.map(
    ({ after, entries }) => `    '${after}') echo '${entries.map(({ word }) => word).join(' ')}' ;;\n`,
  )
  return `# bash completion of concordat, made by: concordat completion bash
_concordat_words() {
  case $1 in
${cases.join('')}  esac
}

_concordat() {
  local IFS=$' \\n' current=\${COMP_WORDS[COMP_CWORD]} last=\${COMP_WORDS[COMP_CWORD-1]} at= word words i
  # readline takes the equals sign for a word.
  if [[ $current == = ]]; then
    current=
  elif [[ $last == = ]]; then
    last=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -* ]] && continue
    words=$(_concordat_words "$at")
    [[ " $words " == *" $word "* ]] && at="\${at:+$at }$word"
  done
  words=$(_concordat_words "$at")
  COMPREPLY=()
  if [[ $last == --* ]]; then
    word=$(_concordat_words "\${at:+$at }$last")
    if [[ -n $word ]]; then
      COMPREPLY=($(compgen -W "$word" -- "$current"))
      return
    fi
    [[ " $words " == *" $last= "* ]] && return
  fi
  for word in \${words//=/}; do
    [[ $word == "$current"* ]] || continue
    [[ $word == -* && $current != -* ]] && continue
    COMPREPLY+=("$word")
  done
}

complete -o default -F _concordat concordat
`
}

function zsh(levels: Level[]): string {
  const cases = levels.map(
    ({ after, entries }) =>
      `    '${after}') reply=(${entries.map(({ word, summary }) => `'${word.replaceAll(':', '\\:')}${summary === '' ? '' : `:${summary}`}'`).join(' ')}) ;;\n`,
  )
  return `#compdef concordat
# zsh completion of concordat, made by: concordat completion zsh
_concordat_words() {
  reply=()
  case $1 in
${cases.join('')}  esac
}

_concordat() {
  local at= word last=\${words[CURRENT-1]}
  local -a reply names options
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] && continue
    _concordat_words "$at"
    (( \${reply[(I)\${(b)word}(|:*)]} )) && at="\${at:+$at }$word"
  done
  if [[ \${words[CURRENT]} == --*=* ]]; then
    last=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  if [[ $last == --* ]]; then
    _concordat_words "\${at:+$at }$last"
    if (( $#reply )); then
      _describe 'value' reply
      return
    fi
    _concordat_words "$at"
    if (( \${reply[(I)\${(b)last}=]} )); then
      _files
      return
    fi
  fi
  _concordat_words "$at"
  names=(\${reply:#-*})
  options=(\${\${(M)reply:#-*}%=})
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o 'option' options
  elif (( $#names )); then
    _describe 'command' names
  else
    _files
  fi
}

if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then _concordat "$@"; else compdef _concordat concordat; fi
`
}

function fish(levels: Level[]): string {
  const cases = levels.map(
    ({ after, entries }) =>
      `        case '${after}'\n            printf '%s\\t%s\\n' ${entries.map(({ word, summary }) => `'${word}' '${summary}'`).join(' ')}\n`,
  )
  return `# fish completion of concordat, made by: concordat completion fish
function __concordat_words
    switch "$argv[1]"
${cases.join('')}    end
end

function __concordat
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l at
    set -e before[1]
    for word in $before
        string match -q -- '-*' $word; and continue
        __concordat_words "$at" | string match -q -- $word\\t'*'; and set at (string join ' ' $at $word)
    end
    set -l last $before[-1]
    set -l prefix ''
    if string match -q -- '--*=*' $current
        set last (string split -m 1 = -- $current)[1]
        set prefix $last=
    end
    if string match -q -- '--*' $last
        set -l values (__concordat_words "$at $last")
        if test (count $values) -gt 0
            printf '%s\\n' $prefix$values
            return
        end
        if __concordat_words "$at" | string match -q -- $last=\\t'*'
            __fish_complete_path (string replace -- "$prefix" '' $current)
            return
        end
    end
    set -l entries (__concordat_words "$at")
    if string match -q -- '-*' $current
        string match -- '-*' $entries | string replace = ''
    else
        set -l names (string match -v -- '-*' $entries)
        if test (count $names) -gt 0
            printf '%s\\n' $names
        else
            __fish_complete_path $current
        end
    end
end

complete -c concordat -f -a '(__concordat)'
`
}

#compdef cognitod
# cognitod in zsh: source <(cognitod completion zsh), after compinit
_cognitod() {
	local program=${${(Q)words[1]}/#\~\//$HOME/} value description files=
	local -a described=()
	while IFS=$'\t' read -r value description; do
		if [[ $value == :files ]]; then
			files=yes
		else
			described+=("${value//:/\\:}:${description//\\/\\\\}")
		fi
	done < <("$program" __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
	local found=1
	if (( ${#described} )); then
		_describe cognitod described && found=0
	fi
	if [[ -n $files ]]; then
		[[ $PREFIX == --*=* ]] && compset -P '*='
		_files && found=0
	fi
	return $found
}
if [[ ${funcstack[1]} == _cognitod ]]; then
	_cognitod "$@"
else
	compdef _cognitod cognitod
fi

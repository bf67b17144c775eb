# cognitod in bash: source <(cognitod completion bash)
_cognitod() {
	local program=${COMP_WORDS[0]/#\~/$HOME} line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^=:]/}
	local word value description part joined= i width=0
	local -a words=() values=() descriptions=()
	# Readline takes = and : for words of their own: they are put together again.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i == COMP_CWORD)); then
			# Up to the cursor.
			while [[ -n $word && $line != *"$word" ]]; do word=${word%?}; done
		fi
		word=${word//[\'\"\\]/}
		if [[ -n $word && -z ${word//[=:]/} && ${#words[@]} -gt 0 ]]; then
			words[-1]+=$word
			joined=yes
		elif [[ -n $word && -n $joined ]]; then
			words[-1]+=$word
			joined=
		else
			words+=("$word")
			joined=
		fi
	done
	# What is written before the last of them stays as it is.
	part=${words[-1]}
	[[ -n $breaks ]] && part=${part##*[$breaks]}
	local kept=${words[-1]%"$part"}
	COMPREPLY=()
	while IFS=$'\t' read -r value description; do
		if [[ $value == :files ]]; then
			compopt -o filenames
			while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$part")
			continue
		fi
		value=${value#"$kept"}
		values+=("$value")
		descriptions+=("$description")
		((${#value} > width)) && width=${#value}
	done < <("$program" __complete -- "${words[@]}" 2>/dev/null)
	# 63 is a list of what is possible: nothing of it is put into the line.
	if ((COMP_TYPE == 63 && ${#values[@]} > 1)); then
		for i in "${!values[@]}"; do
			[[ -n ${descriptions[i]} ]] && printf -v 'values[i]' '%-*s  %s' "$width" "${values[i]}" "${descriptions[i]}"
		done
	fi
	COMPREPLY+=("${values[@]}")
}
complete -F _cognitod cognitod

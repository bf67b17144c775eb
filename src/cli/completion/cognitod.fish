# cognitod in fish: cognitod completion fish | source
function __cognitod_complete
	set -l words (commandline -opc)
	set -l program (string replace -r -- '^~/' "$HOME/" $words[1])
	set -l current (commandline -ct | string replace -ra -- '["\'\\\\]' '')
	for line in ($program __complete -- $words[2..-1] "$current" 2>/dev/null)
		if test "$line" = :files
			set -l kept (string match -r -- '^--[^=]+=' "$current")
			for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' "$current"))
				echo "$kept$path"
			end
		else
			echo "$line"
		end
	end
end
complete -c cognitod -f -a '(__cognitod_complete)'

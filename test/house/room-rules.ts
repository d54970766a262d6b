/** Who may import whom (DESIGN: the house). A rule is data; `whyNot` says which one an import breaks. */

const PLATFORM = ['platform', 'core', 'schemas']

/** For each top-level room the others that it may import. */
const ROOMS: Record<string, string[]> = {
  schemas: [],
  core: ['schemas'],
  platform: ['core', 'schemas'],
  adapters: PLATFORM,
  certs: PLATFORM,
  'central-registry': PLATFORM,
  'security-server': PLATFORM,
  console: ['schemas'],
  scripts: ['security-server', 'central-registry', 'certs', 'adapters', 'console', ...PLATFORM],
  test: ['scripts', 'security-server', 'central-registry', 'certs', 'adapters', 'console', ...PLATFORM],
}

/**
 * Inside a server: for each room the siblings that it may import. A feature is a room of its own, `features/<name>`, and goes by
 * the rule of `features`: no feature imports another. What is not listed may import no sibling.
 */
const SERVERS: Record<string, Record<string, string[]>> = {
  'security-server': {
    peer: ['keys', 'global-configuration', 'message'],
    consumer: ['keys', 'global-configuration', 'local-systems', 'message', 'message-log', 'peer'],
    provider: ['keys', 'global-configuration', 'local-systems', 'message', 'message-log', 'peer'],
    reading: ['keys', 'global-configuration', 'message-log'],
    features: ['keys', 'global-configuration', 'local-systems', 'message', 'message-log', 'peer', 'reading'],
  },
  'central-registry': {
    // `register` names the tables that refer to each other, so that one change may check and write all of them.
    changes: ['register'],
    members: ['register', 'changes'],
    servers: ['register', 'changes', 'members'],
    trust: ['register', 'changes', 'members'],
    groups: ['register', 'changes', 'members'],
    // The frame of the management API.
    admin: ['members', 'configuration'],
    // Versions of contracts as they stand: suspensions, successions and explanations read and move them as contracts do.
    'contract-versions': ['register', 'changes', 'members'],
    configuration: ['register', 'changes', 'members', 'servers', 'trust', 'groups'],
    // Every document that a member signs is judged in one place, whatever feature it is for.
    documents: ['register', 'changes', 'members', 'servers', 'trust', 'configuration'],
    features: [
      ...['register', 'changes', 'members', 'servers', 'trust', 'groups'],
      ...['contract-versions', 'configuration', 'documents'],
    ],
  },
}

/** Why `name` may not import `file`, or undefined when it may. Tests may use what they like, but no main.ts. */
export function whyNot(name: string, file: string, isTest: boolean): string | undefined {
  const [room = '', inner = ''] = name.split('/')
  const [other = '', otherInner = ''] = file.split('/')
  if (/(^|\/)main\.ts$/.test(file)) return 'nothing imports a main.ts'
  if (isTest) return undefined
  if (other === 'test' || /\.test\.ts$|(^|[/-])(fixture|child)\.ts$/.test(file))
    return 'what is for tests stays in tests'
  if (other === 'scripts' && room !== 'scripts') return 'nothing imports scripts'
  if (room !== other) {
    return ROOMS[room]?.includes(other) ? undefined : `${room} may not import ${other}`
  }
  if (room === 'console') return whyNotBetweenConsoles(inner, otherInner)
  return room in SERVERS ? whyNotInServer(room, name, file) : undefined
}

/** The root of a server is its wiring: it imports all rooms, and no room imports it, nor a sibling that its rule does not name. */
function whyNotInServer(server: string, name: string, file: string): string | undefined {
  const from = roomOf(name)
  const to = roomOf(file)
  if (from === to || from === server) return undefined
  if (to === server) return `${from} may not import the root of ${server}`
  const [, inner = ''] = from.split('/')
  const [, otherInner = ''] = to.split('/')
  const allowed = SERVERS[server]?.[inner] ?? []
  return otherInner !== 'features' && allowed.includes(otherInner)
    ? undefined
    : `${from} may not import its sibling ${to}`
}

/** The room of a file in a server: `security-server/keys`, `central-registry/features/fleet`; the server itself for its root. */
export function roomOf(file: string): string {
  const folders = file.split('/').slice(0, -1)
  return folders.slice(0, folders[1] === 'features' ? 3 : 2).join('/')
}

/** A console uses the kit and the texts; the kit knows no console, and consoles do not know each other. */
function whyNotBetweenConsoles(inner: string, other: string): string | undefined {
  if (inner === other || other === 'texts' || (other === 'kit' && inner !== 'texts')) return undefined
  return `${inner} may not import ${other}`
}

/** What core, which is pure, may not even name. */
export const IMPURE_IMPORTS =
  /^node:(fs|net|http|https|http2|tls|child_process|worker_threads|os|process|timers|dns|dgram|cluster)/
export const IMPURE_CODE =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.(?!nextTick)|\bsetTimeout\(|\bsetInterval\(/

/**
 * Which rooms may import which (docs/decisions/the-house.md). A rule is data; `whyNot` returns the rule that
 * an import breaks.
 */

const PLATFORM = ['platform', 'core', 'schemas']

/** For each top-level room, the others that it may import. */
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
 * Inside a server: for each room, the siblings that it may import. A feature is a room of its own,
 * `features/<name>`, with the rule of `features`: no feature imports another. A room that is not listed may
 * import no sibling.
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
    // `register` names the tables that refer to each other, so that one change can check and write all of
    // them.
    changes: ['register'],
    members: ['register', 'changes'],
    servers: ['register', 'changes', 'members'],
    trust: ['register', 'changes', 'members'],
    groups: ['register', 'changes', 'members'],
    // The frame of the management API.
    admin: ['members', 'configuration'],
    // The current versions of contracts: suspensions, successions and explanations read and change them as
    // the contracts feature does.
    'contract-versions': ['register', 'changes', 'members'],
    configuration: ['register', 'changes', 'members', 'servers', 'trust', 'groups'],
    // A process of its own, with the same keys' files and the same reading of other instances.
    'configuration-proxy': ['configuration'],
    // All documents that members sign are verified in one place, for every feature.
    documents: ['register', 'changes', 'members', 'servers', 'trust', 'configuration'],
    features: [
      ...['register', 'changes', 'members', 'servers', 'trust', 'groups'],
      ...['contract-versions', 'configuration', 'documents'],
    ],
  },
}

/** Why `name` may not import `file`; undefined when it may. Tests may import everything except a main.ts. */
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
  if (room === 'adapters') return whyNotBetweenAdapters(inner, otherInner)
  return room in SERVERS ? whyNotInServer(room, name, file) : undefined
}

/**
 * The root files of a server are its wiring: they import all rooms, and no room imports them. A room imports
 * only the siblings in its rule.
 */
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

/**
 * The room of a file in a server: `security-server/keys`, `central-registry/features/fleet`; the server
 * itself for its root files.
 */
export function roomOf(file: string): string {
  const folders = file.split('/').slice(0, -1)
  return folders.slice(0, folders[1] === 'features' ? 3 : 2).join('/')
}

/**
 * The rooms inside a top-level one that a file is in, each of which says what it is: its folder, and its
 * feature.
 */
export function innerRoomsOf(file: string): string[] {
  const [room = '', folder, feature] = file.split('/').slice(0, -1)
  if (!['security-server', 'central-registry', 'core', 'platform'].includes(room)) return []
  if (folder === undefined) return []
  const inner = `${room}/${folder}`
  return folder === 'features' && feature !== undefined ? [inner, `${inner}/${feature}`] : [inner]
}

/**
 * A console imports the kit and the texts. The kit imports no console, and consoles do not import each other.
 * The pages of the APIs are the build's alone.
 */
function whyNotBetweenConsoles(inner: string, other: string): string | undefined {
  if (inner === 'build.ts' && other === 'reference') return undefined
  if (inner === other || other === 'texts' || (other === 'kit' && inner !== 'texts')) return undefined
  return `${inner} may not import ${other}`
}

/**
 * An adapter imports the kit, which imports no adapter, and both the package by which systems ask a security
 * server, which imports nothing; adapters do not import each other.
 */
function whyNotBetweenAdapters(inner: string, other: string): string | undefined {
  const isBelow = inner !== 'client' && (other === 'kit' || other === 'client')
  return inner === other || isBelow ? undefined : `${inner} may not import ${other}`
}

/** Modules and names that core, which is pure, must not mention. */
export const IMPURE_IMPORTS =
  /^node:(fs|net|http|https|http2|tls|child_process|worker_threads|os|process|timers|dns|dgram|cluster)/
export const IMPURE_CODE =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.(?!nextTick)|\bsetTimeout\(|\bsetInterval\(/

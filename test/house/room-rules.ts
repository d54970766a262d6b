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
  'security-server': [...PLATFORM, 'adapters'],
  console: ['schemas'],
  scripts: ['security-server', 'central-registry', 'certs', 'adapters', 'console', ...PLATFORM],
  test: ['scripts', 'security-server', 'central-registry', 'certs', 'adapters', 'console', ...PLATFORM],
}

const FOUR = ['keys', 'message-log', 'global-configuration', 'local-systems']

/** Inside the security server: the siblings that a room may import. What is not listed here may import none. */
const SERVER_ROOMS: Record<string, string[]> = {
  peer: ['keys', 'global-configuration'],
  consumer: [...FOUR, 'peer'],
  provider: [...FOUR, 'peer'],
  admin: FOUR,
  jobs: [...FOUR, 'peer'],
  migrations: [...FOUR, 'witness'],
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
  if (room !== 'security-server' || inner === otherInner) return undefined
  // A file at the root of the room is its wiring (main.ts, config.ts) or a shape that all its rooms share.
  if (!name.slice(room.length + 1).includes('/') || !file.slice(room.length + 1).includes('/'))
    return undefined
  return SERVER_ROOMS[inner]?.includes(otherInner)
    ? undefined
    : `${inner} may not import its sibling ${otherInner}`
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

/**
 * Writes one structured line per event that is safe to read in a terminal. Secrets are removed by field name,
 * control and direction marks are escaped. An error is logged as the messages of its causes, never as an
 * object that could contain content.
 */
import { pino } from 'pino'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'

export type Log = pino.Logger

/** A fault that was logged. Code and detail id find its line in the log. */
type RecentFault = { at: string; level: string; code?: string; detail?: string }

const RECENT = Symbol('recent faults')
const MOST_RECENT = 50

/** The last warnings and errors of this process, the newest last, without what they say. */
export function recentFaults(log: Log): RecentFault[] {
  return [...((log as Log & { [RECENT]?: RecentFault[] })[RECENT] ?? [])]
}

/** The target: a file path, or a sink (tests); standard output by default. */
type Destination = string | { write(line: string): void }

// Removed at the top of a line and one level down.
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'pin',
  'password',
  'secret',
  'token',
  'authorization',
  'apiKey',
  'privateKey',
  'cookie',
  'body',
])
const HIDDEN = '(hidden)'

// DEL, C1 controls, line separators, direction marks and invisible characters: legal in JSON strings, but a
// terminal may interpret them.
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu
const MAX_CAUSES = 5

/** A log that writes JSON lines with ISO times. `level` is one of pino's, 'info' by default. */
export function createLog(q: {
  name: string
  level?: string | undefined
  destination?: Destination | undefined
}): Log {
  const recent: RecentFault[] = []
  const options: pino.LoggerOptions = {
    name: q.name,
    level: q.level ?? 'info',
    base: { pid: process.pid },
    timestamp: isoTime(),
    // pino's own redaction copies every line, which costs more than everything else per line.
    formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
    serializers: { err: describeError },
    hooks: {
      streamWrite: (line) => {
        remember(recent, line)
        return line.replace(UNSAFE, escapeCharacter)
      },
    },
  }
  const log =
    typeof q.destination === 'object'
      ? pino(options, q.destination)
      : pino(options, pino.destination({ dest: q.destination ?? 1, sync: true, mkdir: false }))
  return Object.assign(withSafeBindings(log), { [RECENT]: recent })
}

/** As pino's own, made once for the lines of a millisecond. */
function isoTime(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = `,"time":"${new Date(now).toISOString()}"`
    at = now
    return text
  }
}

function remember(recent: RecentFault[], line: string): void {
  if (!line.startsWith('{"level":"warn"') && !line.startsWith('{"level":"error"')) return
  const { level, time, code, detail, err } = JSON.parse(line) as RecentFault & {
    time: Time
    err?: { code?: string; detail?: string }
  }
  const [named, id] = [err?.code ?? code, err?.detail ?? detail].map((one) =>
    typeof one === 'string' && /^[\w.-]{1,100}$/.test(one) ? one : undefined,
  )
  recent.push({
    ...{ at: time, level },
    ...(named !== undefined && { code: named }),
    ...(id !== undefined && { detail: id }),
  })
  if (recent.length > MOST_RECENT) recent.shift()
}

type Binding = (this: unknown, bindings: Record<string, unknown>, options?: unknown) => unknown

/**
 * The fields of a child log do not pass the formatter of lines, so they are cleaned here. Children of
 * children inherit this.
 */
function withSafeBindings(log: Log): Log {
  const child = log.child as Binding
  const setBindings = log.setBindings as Binding
  const safe: Record<'child' | 'setBindings', Binding> = {
    child(bindings, options) {
      return child.call(this, withoutSecrets(bindings), options)
    },
    setBindings(bindings) {
      return setBindings.call(this, withoutSecrets(bindings))
    },
  }
  return Object.assign(log, safe as Pick<Log, 'child' | 'setBindings'>)
}

/** The fields of a line without secrets; the same object if it contains none. */
function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  let shown = fields
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    const safe = SECRET_NAMES.has(name) ? HIDDEN : safeValue(name, value)
    if (safe === value) continue
    if (shown === fields) shown = { ...fields }
    shown[name] = safe
  }
  return shown
}

function safeValue(name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  // The serializer of `err` does this; under another name an error would be logged with all its properties.
  if (value instanceof Error) return name === 'err' ? value : describeError(value)
  return withoutSecretMembers(value as Record<string, unknown>)
}

function withoutSecretMembers(value: Record<string, unknown>): Record<string, unknown> {
  const secret = Object.keys(value).filter((name) => SECRET_NAMES.has(name))
  if (secret.length === 0) return value
  return { ...value, ...Object.fromEntries(secret.map((name) => [name, HIDDEN])) }
}

function escapeCharacter(character: string): string {
  let escaped = ''
  for (let at = 0; at < character.length; at++)
    escaped += '\\u' + character.charCodeAt(at).toString(16).padStart(4, '0')
  return escaped
}

/**
 * The loggable parts of a thrown value: code and detail id of a fault, the messages of its causes, one stack.
 */
export function describeError(thrown: unknown): Record<string, unknown> {
  const described: Record<string, unknown> = { message: messageOf(thrown) }
  if (thrown instanceof Fault) {
    described['code'] = thrown.code
    described['detail'] = thrown.detail
  } else if (thrown instanceof Error) described['stack'] = thrown.stack
  const causes: string[] = []
  let cause = thrown instanceof Error ? thrown.cause : undefined
  while (cause !== undefined && causes.length < MAX_CAUSES) {
    causes.push(messageOf(cause))
    // The stack of the innermost error shows where the fault began.
    if (cause instanceof Error && !(cause instanceof Fault)) described['stack'] = cause.stack
    cause = cause instanceof Error ? cause.cause : undefined
  }
  if (causes.length > 0) described['causes'] = causes
  return described
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `a thrown ${typeof thrown}`
  const code = (thrown as NodeJS.ErrnoException).code
  return typeof code === 'string' && !(thrown instanceof Fault)
    ? `${code}: ${thrown.message}`
    : thrown.message
}

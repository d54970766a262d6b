/** What each node tells the others about itself with every beat. */
import { createHmac } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Health } from '#platform/health/create-health.ts'
import type { NodeRow } from './migrations.ts'
import { type SettingSchema, withoutPlaces } from './setting-values.ts'

export type Told = {
  ready: boolean
  /** What is wrong with it, a text each. */
  reasons: string[]
  /** By how much its clock is ahead of the database's (ms). */
  clockAheadMs: number
  /** The newest change of shared files that it has. */
  seen: number
  /** A keyed digest of each setting that has to be the same on all nodes. */
  settings: Record<string, string>
  /**
   * A keyed digest of all that it tells of its settings (`settings-of-nodes.ts`); versions before these tell
   * no values.
   */
  values?: string
  /** The schema that it knows (`schemaDigest`); versions before these tell nothing. */
  schema?: string
  /** How often it beats, when not every few seconds. */
  everySeconds?: number
  /** The ids of its cluster keys, in the order of its file. */
  clusterKeys?: string[]
  /** The key under which it seals, and since when at the latest. */
  sealsUnder?: { key: string; since: string }
  /**
   * The pass of this process over all that nodes share: when it began, and how many rows no line of the file
   * opens.
   */
  sealedAnew?: { key: string; at: string; left: number }
  /** The host's name and the worker's number, where a machine has several. */
  worker?: { machine: string; number: number }
}

/** A node of several beats so often. */
export const BEAT_SECONDS = 5
/** One that has no others, so that nobody waits for it. */
export const ALONE_SECONDS = 60
/** A node that has been silent for so long is not live. */
export const LIVE_MS = 4 * BEAT_SECONDS * 1000

const MOST_REASONS = 10
const MOST_CHARACTERS = 300

/**
 * Without the cluster key the digests tell nothing. Settings that belong to a machine are left out, and
 * paths: the files behind them may lie elsewhere on each machine.
 */
export function settingDigests(
  settings: object,
  { schema, key, ofAMachine }: { schema: object; key: Buffer; ofAMachine: ReadonlySet<string> },
): Record<string, string> {
  const named = Object.entries(settings).flatMap(([name, value]) => {
    const its = (schema as SettingSchema).properties?.[name]
    if (value === undefined || ofAMachine.has(name) || its?.['x-path'] === true) return []
    const text = canonicalJson(withoutPlaces(value, its))
    return [[name, createHmac('sha256', key).update(`setting ${name}\n${text}`).digest('hex').slice(0, 16)]]
  })
  return Object.fromEntries(named) as Record<string, string>
}

/**
 * The settings of which two nodes say different things, or that only one of them has; none while one of them
 * has told nothing yet.
 */
export function differing(
  { settings: a, clusterKeys: one = [] }: Pick<Told, 'settings' | 'clusterKeys'>,
  { settings: b, clusterKeys: other = [] }: Pick<Told, 'settings' | 'clusterKeys'>,
): string[] {
  // Digests under two keys say nothing of each other; versions before these tell no keys.
  if (one.length > 0 && other.length > 0 && one.at(-1) !== other.at(-1)) return []
  if ([a, b].some((settings) => Object.keys(settings).length === 0)) return []
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]).sort()
}

/**
 * What is wrong with this node, for the others. `informing` names the checks that have a reason also while
 * nothing is wrong.
 */
export async function healthNow(
  health: Pick<Health, 'report'>,
  informing: ReadonlySet<string>,
): Promise<Pick<Told, 'ready' | 'reasons'>> {
  const { ready, checks } = await health.report()
  const reasons = checks
    .filter(({ name, ok, reason }) => reason !== undefined && !(ok && informing.has(name)))
    .map(({ name, reason }) => `${name}: ${String(reason)}`.slice(0, MOST_CHARACTERS))
  return { ready, reasons: reasons.slice(0, MOST_REASONS) }
}

/** Rows are read as they are: an older or newer version may tell more or less. */
export function readTold(text: string): Told {
  const { ready, reasons, clockAheadMs, seen, settings, ...told } = JSON.parse(text) as Partial<Told>
  const { clusterKeys, sealsUnder, sealedAnew, ...more } = told
  return {
    ready: ready === true,
    reasons: reasons ?? [],
    clockAheadMs: clockAheadMs ?? 0,
    seen: seen ?? 0,
    settings: settings ?? {},
    ...more,
    ...(isTexts(clusterKeys) && { clusterKeys }),
    ...(isTexts([sealsUnder?.key, sealsUnder?.since]) && { sealsUnder }),
    ...(isTexts([sealedAnew?.key, sealedAnew?.at]) && { sealedAnew }),
  } as Told
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

/** Whether a node has told of itself lately, for how often it does so. */
export function isLive(
  { seen_at, left_at, told }: Pick<NodeRow, 'seen_at' | 'left_at' | 'told'>,
  now: number,
): boolean {
  const everyMs = (readTold(told).everySeconds ?? BEAT_SECONDS) * 1000
  return left_at === null && Date.parse(seen_at) > now - Math.max(LIVE_MS, 4 * everyMs)
}

/** What a feature is: one capability of a server, in one folder, as a value that `serve.ts` makes a part of the process. */
import type { FastifyInstance } from 'fastify'
import type { Migration } from 'kysely/migration'
import type { Finding } from '#platform/health/create-health.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler } from '#platform/jobs/create-jobs.ts'

/** Work that happens later. `run` must bear being run twice: a crash repeats it. */
export type Job = {
  /** Stands in the database's rows, in metrics and in logs: never changed, unlike those of all other features. */
  kind: string
  run: JobHandler
  /**
   * Seconds from each end to the next run; a function is asked again every second and must not throw. Absent: it runs when
   * somebody enqueues it.
   */
  everySeconds?: number | (() => number)
  /** The first run is due at the start, not after the first interval. */
  immediately?: boolean
  /** Work on what one node alone has, its files and memory: every node does it. Otherwise one node of all does. */
  onEachNode?: boolean
  /** No more of this kind run here at once: a kind that waits for machines of others leaves places for the rest. */
  places?: number
}

/** A feature that is open. All of it is optional; what it does not name it does not have. */
export type Feature<Offers extends object = object> = {
  /** Handlers of the management API by operation id. The API's file in `schemas` gives each its roles. */
  operations?: Record<string, OperationHandler>
  /** Routes that it adds to a listener of the server, by the listener's name. */
  routes?: Record<string, (app: FastifyInstance) => void | Promise<void>>
  jobs?: Job[]
  /** Findings of /health/ready by name. A check that throws counts as its fault's text. */
  health?: Record<string, () => Finding | Promise<Finding>>
  /** What features further down the list may ask for; they declare it as an interface of their own. */
  offers?: Offers
  /** Ends at once what it does by itself; asked before jobs are waited for. */
  drain?(): Promise<void>
  /** Closes what it holds, when no job and no listener needs it any more. */
  close?(): Promise<void>
}

/** What a feature's folder exports. `Ground` is what it needs: of the server's ground, and of features above it in the list. */
export type FeatureModule<Ground extends object, Offers extends object = object> = {
  /** Its folder's name. */
  name: string
  /** Its tables, step by step. Names are never changed or dropped; they run before anything is opened. */
  migrations?: Record<string, Migration>
  /** Makes it. Counters and gauges are made with the ground's `metrics`. */
  open: (ground: Ground) => Feature<Offers> | Promise<Feature<Offers>>
}

/** A server's features in the order in which they are opened; each may need the ground and what those before it offer. */
export type FeatureList<Ground extends object, Offered extends object> = {
  with<Offers extends object>(
    feature: FeatureModule<Ground & Offered, Offers>,
  ): FeatureList<Ground, Offered & Offers>
  readonly modules: readonly FeatureModule<never>[]
  /** Never there: carries the types. */
  readonly types?: { ground: Ground; offered: Offered }
}

/** An empty list for a server whose ground is `Ground`: `.with(a).with(b)`, a line a feature. */
export function listFeatures<Ground extends object>(): FeatureList<Ground, object> {
  const extend = (modules: readonly FeatureModule<never>[]): FeatureList<Ground, object> => ({
    modules,
    with: (feature) => extend([...modules, feature]) as never,
  })
  return extend([])
}

/** All migrations of a list. Throws when two features have one of the same name. */
export function migrationsOf(
  list: { modules: readonly FeatureModule<never>[] },
  ...ofGround: Record<string, Migration>[]
): Record<string, Migration> {
  return merge('migration', [...ofGround, ...list.modules.map(({ migrations }) => migrations ?? {})])
}

/** One record of several; a name may stand in one of them only. */
export function merge<V>(what: string, records: readonly Record<string, V>[]): Record<string, V> {
  const merged: Record<string, V> = {}
  for (const record of records)
    for (const [name, value] of Object.entries(record)) {
      if (Object.hasOwn(merged, name)) throw new Error(`two features have the ${what} ${name}`)
      merged[name] = value
    }
  return merged
}

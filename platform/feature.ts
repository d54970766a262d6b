/**
 * The type of a feature: one capability of a server, in one folder, as a value that `serve.ts` adds to the
 * process.
 */
import type { FastifyInstance } from 'fastify'
import type { Migration } from 'kysely/migration'
import type { Finding } from '#platform/health/create-health.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler } from '#platform/jobs/create-jobs.ts'

/** Work for later. `run` must tolerate being run twice: a crash repeats it. */
export type Job = {
  /** The name in database rows, metrics and logs. Never change it; it must be unique among all features. */
  kind: string
  run: JobHandler
  /**
   * Seconds from each end to the next run. A function is called again every second and must not throw.
   * Undefined: the job runs when it is enqueued.
   */
  everySeconds?: number | (() => number)
  /**
   * Asked every second, on every node: true runs the job at once. It only reads, so that a job with a long
   * interval and this writes nothing while there is nothing to do.
   */
  isDue?: () => boolean | Promise<boolean>
  /**
   * It deletes for good what is over by the clock: it does not run while no signed time proves the clock, and
   * at once afterwards.
   */
  destroys?: boolean
  /** The first run is due at the start, instead of after the first interval. */
  immediately?: boolean
  /**
   * For work on what each node has alone (files, memory): every node runs it. Otherwise one of all nodes
   * does.
   */
  onEachNode?: boolean
  /**
   * The most jobs of this kind that run here at once. Limit a kind that waits for other machines, so that
   * others can run.
   */
  places?: number
}

/** An open feature. Every member is optional. */
export type Feature<Offers extends object = object> = {
  /** Handlers of the management API by operation id. The API's file in `schemas` assigns the roles. */
  operations?: Record<string, OperationHandler>
  /** Routes to add to a listener of the server, by the listener's name. */
  routes?: Record<string, (app: FastifyInstance) => void | Promise<void>>
  jobs?: Job[]
  /** Checks for /health/ready by name. If a check throws, the text of its fault is the finding. */
  health?: Record<string, () => Finding | Promise<Finding>>
  /** Functions for features further down the list, which declare them as an interface of their own. */
  offers?: Offers
  /** Stops the feature's own activity at once; called before the process waits for jobs. */
  drain?(): Promise<void>
  /** Frees its resources, after jobs and listeners have ended. */
  close?(): Promise<void>
}

/**
 * The export of a feature's folder. `Ground` is what it needs from the server's ground and from features
 * above it in the list.
 */
export type FeatureModule<Ground extends object, Offers extends object = object> = {
  /** The name of its folder. */
  name: string
  /**
   * The migrations of its tables; they run before anything is opened. Names must never be changed or removed.
   */
  migrations?: Record<string, Migration>
  /** Opens the feature. It makes counters and gauges with the ground's `metrics`. */
  open: (ground: Ground) => Feature<Offers> | Promise<Feature<Offers>>
}

/**
 * A server's features in the order in which they are opened. Each may need the ground and the `offers` of
 * features before it.
 */
export type FeatureList<Ground extends object, Offered extends object> = {
  with<Offers extends object>(
    feature: FeatureModule<Ground & Offered, Offers>,
  ): FeatureList<Ground, Offered & Offers>
  readonly modules: readonly FeatureModule<never>[]
  /** Never set: only carries the types. */
  readonly types?: { ground: Ground; offered: Offered }
}

/** An empty list for a server with the ground `Ground`: `.with(a).with(b)`, one line per feature. */
export function listFeatures<Ground extends object>(): FeatureList<Ground, object> {
  const extend = (modules: readonly FeatureModule<never>[]): FeatureList<Ground, object> => ({
    modules,
    with: (feature) => extend([...modules, feature]) as never,
  })
  return extend([])
}

/** All migrations of a list. Throws if two features have a migration with the same name. */
export function migrationsOf(
  list: { modules: readonly FeatureModule<never>[] },
  ...ofGround: Record<string, Migration>[]
): Record<string, Migration> {
  return merge('migration', [...ofGround, ...list.modules.map(({ migrations }) => migrations ?? {})])
}

/** Merges records; throws if a name occurs in two of them. */
export function merge<V>(what: string, records: readonly Record<string, V>[]): Record<string, V> {
  const merged: Record<string, V> = {}
  for (const record of records)
    for (const [name, value] of Object.entries(record)) {
      if (Object.hasOwn(merged, name)) throw new Error(`two features have the ${what} ${name}`)
      merged[name] = value
    }
  return merged
}

/** For tests only: bundles of a real log that show it at two sizes. */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Bundle } from '#core/evidence-bundle/bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { forged, HOUR, type VerdictWorld } from './verdict-fixture.ts'

type Outcome = { bundle: Buffer; at: number }

/**
 * The record of the time-stamp stands under a later state than the records; `entry` makes what
 * `consistency.json` says.
 */
async function atTwoSizes(
  world: VerdictWorld,
  entry: (q: { first: number; second: number; path: string[] }) => string | undefined,
): Promise<Outcome> {
  const index = await world.exchange({})
  const stamp = async (): Promise<void> => {
    world.now += 60_000
    await world.log.timeStampNow()
    world.now += HOUR / 2
  }
  await stamp()
  const before = await world.bundle(index)
  const next = await world.exchange({})
  await stamp()
  const { files: later, manifest } = await readBundle(await world.bundle(next))
  const { checkpoint } = manifest.records[0]!
  const [first, second] = [
    sizeOf(await readBundle(before)),
    parseCheckpoint(later.get(checkpoint)!.toString()).size,
  ] as const
  const consistency = await world.log.witnesses.proveConsistency(first, second)
  const text = entry({ first, second, path: base64(consistency) })
  const [timeStamp] = (await readBundle(before)).manifest.timeStamps
  const { path } = await world.log.proof(timeStamp!.index, second)
  const bundle = await forged(before, (changed, files) => {
    changed.timeStamps = [{ ...timeStamp!, path: base64(path), checkpoint }]
    files.set(checkpoint, later.get(checkpoint)!)
    if (text !== undefined) files.set('consistency.json', Buffer.from(text))
  })
  return { bundle, at: world.now }
}

const base64 = (hashes: Buffer[]): string[] => hashes.map((one) => one.toString('base64'))

function sizeOf({ files, manifest }: Bundle): number {
  return parseCheckpoint(files.get(manifest.records[0]!.checkpoint)!.toString()).size
}

const entryOf = (...steps: object[]): string => canonicalJson({ steps, version: 1 })

export const HISTORIES: Record<string, { run(world: VerdictWorld): Promise<Outcome>; verdict: string }> = {
  'the log at two sizes, of which one continues the other': {
    run: (world) => atTwoSizes(world, (step) => entryOf(step)),
    verdict: 'TOTAL-PASSED',
  },
  'the log at two sizes, and nothing proves that they are of one history': {
    run: (world) => atTwoSizes(world, () => undefined),
    verdict: 'INDETERMINATE NO_POE',
  },
  'a step between other sizes': {
    run: (world) => atTwoSizes(world, (step) => entryOf({ ...step, first: step.first - 1 })),
    verdict: 'INDETERMINATE NO_POE',
  },
  'a proof that does not hold': {
    run: (world) => atTwoSizes(world, (step) => entryOf({ ...step, path: step.path.slice(1) })),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'a proof of a later version': {
    run: (world) => atTwoSizes(world, (step) => canonicalJson({ steps: [step], version: 2 })),
    verdict: 'TOTAL-FAILED FORMAT_FAILURE',
  },
}

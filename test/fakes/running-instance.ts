/**
 * A running X-Road instance as a registry imports it: the files of its configuration, and the addresses where
 * they are published.
 */
import type { Test } from 'tap'
import { type Authority, createAuthority } from '#certs/authority.ts'
import { startConfigurationSource } from './configuration-source.ts'
import type { Node } from './registry-world.ts'

export type RunningInstance = {
  anchor: Buffer
  directory: Buffer
  sharedParameters: Buffer
  privateParameters: Buffer
}

/**
 * The instance DEV with a member for each name, in addition to those of the sample. With a named profile it
 * has one more CA. The certificates of two of its servers are not known.
 */
export async function startRunningInstance(
  t: Test,
  now: number,
  names: string[] = [],
  profile?: string,
): Promise<RunningInstance> {
  const own = profile === undefined ? undefined : await createAuthority({ clock: () => now, instance: 'DEV' })
  const source = await startConfigurationSource('DEV')
  t.teardown(() => source.close())
  source.publish({
    ...{ at: new Date(now), expireDate: new Date(now + 600_000), versions: [6] },
    shared: (honest) => ({
      ...honest,
      approvedCas: [
        ...honest.approvedCas,
        ...(own === undefined ? [] : [{ ...honest.approvedCas[0]!, ...caOf(own, profile!) }]),
      ],
      members: [
        ...honest.members,
        ...names.map((name, at) => ({
          ...honest.members[0]!,
          ...{ id: { ...honest.members[0]!.id, memberCode: `named${at}` }, name, subsystems: [] },
        })),
      ],
    }),
  })
  const fileAt = (ending: string): Buffer => {
    const found = [...source.files].find(([path]) => path.endsWith(ending))
    if (found === undefined) throw new Error(`nothing is published as ${ending}`)
    return found[1]
  }
  return {
    anchor: source.anchor(),
    directory: fileAt('/internalconf?version=6'),
    sharedParameters: fileAt('/shared-params.xml'),
    privateParameters: fileAt('/private-params.xml'),
  }
}

function caOf({ root }: Authority, certificateProfileInfo: string) {
  const topCa = { cert: root.der, ocsp: [] }
  return { name: 'Own CA', certificateProfileInfo, topCa, intermediateCas: [] }
}

/** Reads it from its addresses into a registry, as a dry run; returns the import's number. */
export async function examineInstance(node: Node, { anchor }: RunningInstance): Promise<number> {
  const { id } = (await node.must('POST', '/imports', { anchor: anchor.toString() })) as { id: number }
  return id
}

/** A security server that files requests, with real keys, and the real registry that it files them with. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { type Answer, managementService, passOn, tlsIdentity } from '#test/fakes/xroad-management.ts'
import { type AdminWorld, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { member, signingCertificate } from '../../keys/keys-fixture.ts'

export type Filing = AdminWorld & {
  node: Node
  connect(certificate?: Buffer): void
  registryClock: { now: number }
  /** Passes a message on to the registry's management services, as a management security server does. */
  passOn(body: Buffer, type: string): Promise<Answer>
}

/**
 * A server with keys that the registry's CA certified, and the registry, which knows the server's member and
 * a guest.
 */
export async function startFiling(t: Test, o: { isXRoads?: boolean } = {}): Promise<Filing> {
  const admin = await createAdminWorld(t, o.isXRoads === true ? {} : { statementIndex: 1 })
  const { world, keys } = admin
  const registry = registryWorld(t)
  registry.clock.now = world.now
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const by = tlsIdentity('management.example')
  const listener = managementService(registry.directory, address, [by])
  const node = await registry.start({ registration: true, settings: { managementService: listener } })
  await setUp(node, world.authority)
  await node.must('POST', '/member-classes', { code: 'COM', description: 'Companies' })
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '1000', name: 'Agency Ä' })
  await node.must('POST', '/members', { memberClass: 'COM', memberCode: '4000', name: 'Guest' })
  await signingCertificate(world, keys, member, { algorithm: o.isXRoads === true ? 'RSA-2048' : 'P-256' })
  const shown = readCertificate(readFileSync(node.settings.registration!.certificateFile)).der
  const connect = (certificate: Buffer | undefined = shown): void => {
    world.configuration = indexConfiguration(world.configuration!.shared, {
      instance: 'DEV',
      anchors: [],
      timeStampingIntervalSeconds: 60,
      managementService: {
        authCertRegServiceAddress: `https://${node.settings.public.address}:4001/managementservice/`,
        authCertRegServiceCert: certificate,
        providerId: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', subsystemCode: 'plain' },
      },
    })
  }
  connect()
  return {
    ...{ ...admin, node, connect, registryClock: registry.clock },
    passOn: (body, type) => passOn(listener, body, { by, type }),
  }
}

/** Approves the newest request, as an administrator of the registry does. */
export async function approveNewest(node: Node): Promise<void> {
  const [newest] = (await node.must('GET', '/management-requests?limit=1')) as { id: number }[]
  const { contentHash } = (await node.must('GET', `/management-requests/${newest!.id}`)) as {
    contentHash: string
  }
  await node.must('POST', `/management-requests/${newest!.id}/approve`, { contentHash })
}

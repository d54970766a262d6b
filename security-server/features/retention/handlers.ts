/** Retention, erasure by order and legal holds in the API, for officers and auditors. */
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { nameOf } from '#platform/people/name-of.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { recordLook } from '../../reading/looks.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import type { ArchiveFilter } from './archives/store.ts'
import { type ErasureOrder, erasureOrderView, ORDERS } from './erasure-orders.ts'
import type { Needs } from './needs.ts'
import type { ClassSettings, Hold, HoldFilter, HoldScope, StoredArchive } from './retention.ts'

type ArchiveQuery = Omit<ArchiveFilter, 'class'> & { class?: string }
type GivenScope = Pick<HoldScope, 'indexes' | 'queryId' | 'from' | 'to'> & {
  partyId?: string
  serviceId?: string
  peer?: string
}

export function retentionHandlers(rooms: Needs): Handlers {
  const { retention, jobs, audit, contentRequests } = rooms
  return {
    async eraseRecord({ params, body }) {
      const index = Number(params['index'])
      const { erased, isLeftToDelete } = await retention.erase({ index, ...(body as ErasureOrder) })
      const erasureIndex = erased.find((one) => one.index === index)?.erasureIndex ?? null
      return { erasureIndex, erased, leftToDelete: isLeftToDelete }
    },
    async findErasureOrders({ query }) {
      const { limit, offset, q } = query as { limit: number; offset: number; q?: string }
      const filter = { operations: ORDERS, q }
      const orders = await audit.list({ ...filter, limit, offset })
      const total = await audit.count(filter)
      const views = await Promise.all(orders.map((order) => erasureOrderView(order, rooms)))
      return answer(views, { headers: { 'x-total-count': String(total) } })
    },
    async getRetention() {
      const { classes, assignments } = await retention.classes()
      const job = (await jobs.state()).find(({ kind }) => kind === 'retention')
      return {
        classes: classes.map(({ id: _id, ...settings }) => ({
          ...settings,
          services: assignments
            .filter((one) => one.class === settings.name)
            .map(({ service }) => colonForm(service)),
        })),
        ...(await retention.counts()),
        job: job === undefined ? null : { lastEndedAt: job.lastEndedAt, lastError: job.lastError },
      }
    },
    async putRetentionClass({ params, body }) {
      const settings = body as Omit<ClassSettings, 'name'> & { applyToExisting: boolean }
      await retention.putClass({ ...settings, name: params['name']! })
    },
    async assignRetentionClass({ params, body }) {
      const given = body as { class: string; applyToExisting: boolean }
      await retention.assign({ ...given, service: slashForm(params['serviceId']!, 5, 6) })
    },
    async findArchives({ query }) {
      const { class: name, ...page } = query as ArchiveQuery
      const { classes } = await retention.classes()
      const found = classes.find((one) => one.name === name)
      if (name !== undefined && found === undefined)
        throw new Fault('not_found', { what: say`retention class ${name}` })
      const names = new Map(classes.map((one) => [one.id, one.name]))
      const archives = await retention.archives({ ...page, class: found?.id })
      return archives.map((archive) => archiveView(archive, names.get(archive.class)))
    },
    async downloadArchive(input) {
      const id = Number(input.params['id'])
      const archive = await retention.archive({ id, clearance: clearanceOf(input.caller) })
      const target = archiveTarget(id)
      await contentRequests.check({ target, case: String(input.query['case']), caller: input.caller })
      const file = await retention.archiveFile(archive)
      try {
        const sha256 = archive.sha256.toString('hex')
        await recordLook(audit, 'downloadArchive', target, input, { file: archive.file, sha256 })
      } catch (thrown) {
        file.destroy()
        throw thrown
      }
      const headers = { 'content-disposition': `attachment; filename="${archive.file}"` }
      return answer(file, { headers })
    },
    async findLegalHolds({ query }) {
      const { case: caseNumber, ...filter } = query as Omit<HoldFilter, 'caseNumber'> & { case?: string }
      return (await retention.holds({ ...filter, caseNumber })).map(holdView)
    },
    getLegalHold: async ({ params }) => holdView(await retention.hold(Number(params['id']))),
    async setLegalHold({ body, caller }) {
      const { case: caseNumber, reason, scope } = body as { case: string; reason: string; scope: GivenScope }
      const set = await retention.setHold({
        caseNumber,
        reason,
        scope: scopeOf(scope),
        setBy: nameOf(caller),
      })
      return { ...holdView(set), tooLate: set.tooLate }
    },
    async liftLegalHold({ params, body, caller }) {
      const { reason } = body as { reason: string }
      return holdView(
        await retention.liftHold({ id: Number(params['id']), reason, liftedBy: nameOf(caller) }),
      )
    },
  }
}

/** The name of an archive in the audit log and in content requests. */
export function archiveTarget(id: number): string {
  return `archive ${id}`
}

function scopeOf({ from, to, partyId, serviceId, peer, ...rest }: GivenScope): HoldScope {
  return {
    ...rest,
    // Times are compared as text, so all get one form, whatever their offset.
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
    ...(partyId === undefined ? {} : { party: slashForm(partyId, 3, 4) }),
    ...(serviceId === undefined ? {} : { service: slashForm(serviceId, 5, 6) }),
    ...(peer === undefined ? {} : { peer: slashForm(peer, 4, 4) }),
  }
}

function archiveView(archive: StoredArchive, name: string | undefined) {
  const { id, file, node, complete, size, records, containers, createdAt, linkingDigest } = archive
  return {
    ...{ id, class: name, file, node, complete, size, createdAt, containers, records },
    sha256: archive.sha256.toString('hex'),
    lastDigest: linkingDigest,
    manifest: archive.manifestDigest.toString('base64'),
  }
}

function holdView({ caseNumber, scope, ...hold }: Hold) {
  const { party, service, peer, ...rest } = scope
  return {
    ...hold,
    case: caseNumber,
    scope: {
      ...rest,
      ...(party === undefined ? {} : { partyId: colonForm(party) }),
      ...(service === undefined ? {} : { serviceId: colonForm(service) }),
      ...(peer === undefined ? {} : { peer: colonForm(peer) }),
    },
  }
}

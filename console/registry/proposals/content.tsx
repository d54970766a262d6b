/**
 * What approving a proposal would change, in readable form: its fields, the people meant, its certificates,
 * its request.
 */
import type { ComponentChildren } from 'preact'
import { isOfServer } from '../../kit/act-thing.ts'
import { type Certificate, CertificateFacts } from '../../kit/certificate.tsx'
import { Part } from '../../kit/facts.tsx'
import { Named } from '../../kit/named.tsx'
import { PersonState } from '../../kit/person.tsx'
import { operationName, type WholeProposal } from '../../kit/proposal.tsx'
import { roleName } from '../../kit/roles.tsx'
import { type TextKey, text, textIfAny } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Uploaded } from '../../kit/uploaded.tsx'
import { RestorationOfProposal } from '../backups/restoration.tsx'
import { Consequences, isForeseen } from '../consequences.tsx'
import { ContractOfProposal, SuspensionOfProposal } from '../contracts/of-proposal.tsx'
import { ImportOfProposal } from '../imports/of-proposal.tsx'
import { RequestOfProposal } from '../management-requests/of-proposal.tsx'
import { SuccessionPlan } from '../successions/plan.tsx'

type Parsed = {
  params: Record<string, string>
  query: Record<string, unknown>
  body?: { json: Record<string, unknown> } | { base64: string }
}

export function Content({ of }: { of: WholeProposal }) {
  const { operation, explained } = of
  const { params, query, body } = JSON.parse(of.content) as Parsed
  const json = body !== undefined && 'json' in body ? body.json : {}
  // Below stands what this hash is of, and whether it is still that.
  const shownBelow = [
    'certificate',
    'anchors',
    'contentHash',
    ...(of.state === 'proposed' ? ['contentSha256'] : []),
  ]
  // Each by itself: a field of the body must not hide one of the path.
  const fields = [params, query, json].flatMap((one, at) =>
    Object.entries(one)
      .filter(([name]) => !shownBelow.includes(name))
      .map(([name, value]) => ({ key: `${at} ${name}`, name, value })),
  )
  return (
    <>
      <Part title={text(of.state === 'approved' ? 'proposals.changed' : 'proposals.change')}>
        {fields.length === 0 && explained.service === undefined && <p>{operationName(operation)}</p>}
        <dl class="facts">
          {explained.service !== undefined && (
            <Field title={text('field.service')}>
              <bdi>{explained.service}</bdi>
            </Field>
          )}
          {fields.map(({ key, name, value }) => (
            <Field key={key} title={titleOf(operation, name)}>
              <Value
                {...{ name, of: value }}
                isOfServer={/^(id|subject)$/.test(name) && isOfServer(operation, json)}
              />
            </Field>
          ))}
        </dl>
      </Part>
      {of.state === 'proposed' && isForeseen(operation) && (
        <Part title={text('consequences.title')}>
          <Consequences operation={operation} params={params} />
        </Part>
      )}
      {of.state === 'proposed' && operation === 'beginSuccession' && (
        <Part title={text('successions.wouldTake')}>
          <SuccessionPlan member={params['id'] ?? ''} taking={json} />
        </Part>
      )}
      {explained.person !== undefined && <PersonNow of={explained.person} />}
      {body !== undefined && 'base64' in body && <Uploaded base64={body.base64} of={of} />}
      {(body !== undefined && 'base64' in body ? [] : explained.certificates).map((one) => (
        <Part key={one.at} title={text('proposals.certificate', { at: one.at.replace(/^body\.?/, '') })}>
          {one.sha256 === undefined ? (
            <p>{text('proposals.noCertificate')}</p>
          ) : (
            <CertificateFacts of={one as Certificate} />
          )}
        </Part>
      ))}
      {/^(approve|resume|terminate)Contract$/.test(operation) && (
        <ContractOfProposal id={params['id'] ?? ''} hash={String(json['contentHash'])} />
      )}
      {operation === 'liftSuspension' && <SuspensionOfProposal id={params['id'] ?? ''} />}
      {operation === 'acceptRestoredRegistry' && of.state === 'proposed' && (
        <RestorationOfProposal
          hash={String(json['contentSha256'])}
          kept={{ apiKeys: textsOf(json['keepApiKeys']), trust: textsOf(json['keepTrust']) }}
        />
      )}
      {operation === 'carryOutImport' && (
        <ImportOfProposal id={params['id'] ?? ''} hash={String(json['contentHash'])} state={of.state} />
      )}
      {operation === 'approveManagementRequest' && (
        <RequestOfProposal id={params['id'] ?? ''} hash={String(json['contentHash'])} state={of.state} />
      )}
    </>
  )
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function PersonNow({
  of: { name, email, subject, roles, state },
}: {
  of: NonNullable<WholeProposal['explained']['person']>
}) {
  return (
    <Part title={text('proposals.person')}>
      <dl class="facts">
        <Field title={text('people.name')}>
          <bdi>{name}</bdi> <PersonState state={state} />
        </Field>
        <Field title={text('people.knownBy')}>
          <bdi>{email ?? subject ?? ''}</bdi>
        </Field>
        <Field title={text('people.rolesNow')}>{roles.map(roleName).join(', ') || text('common.none')}</Field>
      </dl>
    </Part>
  )
}

function Field({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** The title of a field; an id in a path is the id of the thing that the operation is about. */
function titleOf(operation: string, name: string): string {
  return textIfAny(name === 'id' ? `field.id.${operation}` : `field.${name}`) ?? name
}

/**
 * Fields that hold ids of members, subsystems and contracts, among those of other things, which have no name.
 */
const NAMED = new Set(['id', 'client', 'member', 'owner', 'provider', 'successor', 'host', 'subject'])

function Value({ name, of, isOfServer }: { name: string; of: unknown; isOfServer: boolean }) {
  if (name === 'roles' && Array.isArray(of)) return <>{of.map((role) => roleName(String(role))).join(', ')}</>
  if (name === 'kind') return <>{text(`kind.${String(of)}` as TextKey)}</>
  if (name === 'expiresAt') return <Time at={String(of)} relative />
  if (name === 'ocspResponders' && Array.isArray(of)) {
    return (
      <ul class="plain-list">
        {(of as { url: string }[]).map(({ url }) => (
          <li key={url}>
            <bdi class="id">{url}</bdi>
          </li>
        ))}
      </ul>
    )
  }
  if (typeof of === 'boolean') return <>{text(of ? 'common.yes' : 'common.no')}</>
  if (typeof of === 'string' && NAMED.has(name) && !isOfServer) return <Named id={of} />
  const isId = /^(id|subject|sha256|contentSha256|url)$/.test(name)
  return <bdi class={isId ? 'id wrap' : 'wrap'}>{typeof of === 'string' ? of : JSON.stringify(of)}</bdi>
}

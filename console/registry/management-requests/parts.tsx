/** What a request asks for, what its approval would change, conflicts, and who proved what. */
import type { ComponentChildren } from 'preact'
import { CertificateFacts } from '../../kit/certificate.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useName } from '../../kit/names.ts'
import { Rows } from '../../kit/rows.tsx'
import { type TextKey, text, textIfAny } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink, ServerLink } from '../links.tsx'
import { isUndecided, kindName, type Proof, type WholeRequest } from './request.tsx'

/** The contents of a request besides the server and the client; its certificate is shown with its proof. */
const SUBJECT = ['subsystemName', 'address', 'message', 'certificateSha256'] as const

type Change = WholeRequest['changes'][number]

export function RequestParts({ of }: { of: WholeRequest }) {
  return (
    <>
      {of.conflicts.length > 0 && (
        <Part title={text('requests.conflicts')}>
          <ul class="plain-list">
            {of.conflicts.map((conflict) => (
              <li key={conflict}>
                <bdi class="wrap">{conflict}</bdi>
              </li>
            ))}
          </ul>
        </Part>
      )}
      {of.waitsFor.length > 0 && (
        <Part title={text('requests.waitsFor')}>
          <p>{text('requests.waitsForWhy')}</p>
          <ul class="plain-list">
            {of.waitsFor.map((id) => (
              <li key={id}>
                <ClientLink id={id} />
              </li>
            ))}
          </ul>
        </Part>
      )}
      {of.hosting !== undefined && <HostingPart of={of.hosting} />}
      <Changes of={of} />
      <Asked of={of} />
      {of.proofs.map((proof) => (
        <ProofPart key={proof.signer} of={proof} />
      ))}
    </>
  )
}

function HostingPart({
  of: { host, client, required, mandate },
}: {
  of: NonNullable<WholeRequest['hosting']>
}) {
  return (
    <Part title={text('hosting.one')}>
      <Facts
        of={[
          ['hosting.host', <ClientLink key="host" id={host} />],
          ['hosting.client', <ClientLink key="client" id={client} />],
          ['hosting.required', text(required ? 'common.yes' : 'common.no')],
          [
            'hosting.until',
            mandate === undefined ? (
              text('hosting.noneCovers')
            ) : (
              <Time key="until" at={mandate.validUntil} relative />
            ),
          ],
        ]}
      />
    </Part>
  )
}

function Changes({ of: { changes, state } }: { of: WholeRequest }) {
  const title = text(isUndecided({ state }) ? 'requests.changes' : 'requests.changed')
  return (
    <Part title={title}>
      {changes.length === 0 ? (
        <p>{text('requests.noChanges')}</p>
      ) : (
        <Rows<Change>
          caption={title}
          rows={changes}
          rowKey={({ what }) => what}
          columns={[
            { title: 'requests.what', cell: ({ what }) => changeName(what) },
            { title: 'requests.before', cell: ({ before }) => <Side of={before} /> },
            { title: 'requests.after', cell: ({ after }) => <Side of={after} /> },
          ]}
        />
      )}
    </Part>
  )
}

function Side({ of }: { of: string | null }) {
  if (of === null) return <>{text('requests.nothing')}</>
  return <bdi class="id wrap">{of === '' ? text('requests.emptyText') : of}</bdi>
}

function changeName(what: string): string {
  return textIfAny(`change.${what}`) ?? what
}

function Asked({ of }: { of: WholeRequest }) {
  const { owner, server, client, subject, filedAt, decidedAt, decidedBy, reason, contentHash } = of
  return (
    <Part title={text('requests.asked')}>
      <Facts
        of={[
          ['requests.kind', kindName(of.kind)],
          ['servers.owner', <ClientLink key="owner" id={owner} />],
          ['servers.one', <ServerLink key="server" id={server} />],
          ...(client === undefined
            ? []
            : [['requests.client', <ClientLink key="client" id={client} />] as ['requests.client', object]]),
          ...SUBJECT.flatMap((name): [TextKey, ComponentChildren][] => {
            const value = subject[name]
            const shown = (
              <bdi key={name} class="wrap">
                {value}
              </bdi>
            )
            return value === undefined ? [] : [[`requests.${name}`, shown]]
          }),
          ['requests.filedAt', <Time key="filed" at={filedAt} relative />],
          ...(decidedAt === undefined
            ? []
            : ([
                ['requests.decidedAt', <Time key="decided" at={decidedAt} relative />],
                [
                  'requests.decidedBy',
                  <bdi key="by" title={decidedBy}>
                    {namesOf(decidedBy)}
                  </bdi>,
                ],
              ] as ['requests.decidedAt' | 'requests.decidedBy', object][])),
          ...(reason === undefined
            ? []
            : [
                [
                  'requests.reason',
                  <bdi key="reason" class="wrap">
                    {reason}
                  </bdi>,
                ] as ['requests.reason', object],
              ]),
          [
            'requests.contentHash',
            <Copyable key="hash" value={contentHash} label={text('requests.contentHash')} />,
          ],
        ]}
      />
    </Part>
  )
}

function ProofPart({ of }: { of: Proof }) {
  const id = of.signer.replaceAll('/', ':')
  const name = useName(id)
  return (
    <Part title={text('requests.proof', { signer: name === undefined ? id : `${name.name} (${id})` })}>
      <Facts
        of={[
          ['requests.format', of.format],
          ['requests.signedAt', <Time key="signed" at={of.createdAt} />],
          ['requests.verifiedAt', <Time key="verified" at={of.verifiedAt} />],
          ...(of.validUntil === undefined
            ? []
            : [
                ['requests.validUntil', <Time key="until" at={of.validUntil} relative />] as [
                  'requests.validUntil',
                  object,
                ],
              ]),
        ]}
      />
      {of.signingCertificate === undefined ? (
        <p>{text('requests.signedOutside')}</p>
      ) : (
        <>
          <h3 class="inner">{text('requests.signingCertificate')}</h3>
          <CertificateFacts of={of.signingCertificate} />
        </>
      )}
      {of.authenticationCertificate !== undefined && (
        <>
          <h3 class="inner">{text('requests.authenticationCertificate')}</h3>
          <CertificateFacts of={of.authenticationCertificate} />
        </>
      )}
      {of.passedOnBy !== undefined && (
        <>
          <h3 class="inner">{text('requests.passedOnBy')}</h3>
          <CertificateFacts of={of.passedOnBy} />
        </>
      )}
    </Part>
  )
}

/** The names alone: the ids of the accounts behind them are in the title. */
function namesOf(deciders: string | undefined): string {
  return (deciders ?? '').replace(/ \([a-z ]+ [0-9a-f-]{36}\)/g, '')
}

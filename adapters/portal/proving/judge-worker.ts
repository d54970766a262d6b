/** The thread of judge-sides.ts: what systems send as a proof may take any amount of time and memory. */
import { readConfigurationFiles } from '#core/configuration/read-configuration-files.ts'
import { readZippedFiles } from '#core/configuration/zipped-files.ts'
import {
  type JudgedUse,
  judgeUse,
  type SaidUse,
  tieOf,
  type UseTie,
} from '#core/evidence-bundle/judge-use.ts'
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'

export type Question = {
  /** As the own security server gives it; undefined where it does not. */
  configuration: Uint8Array | undefined
  sides: { said: SaidUse; proof: Uint8Array | undefined }[]
  now: number
}

/** In the order of the sides; undefined without a proof. `tie`: of two sides that are proven each. */
export type JudgedSides = { sides: (JudgedUse | undefined)[]; tie: UseTie | undefined }

const FILES = ['shared-params.xml', 'certificate-profiles.json']

answerAsThread(judgeSides)

async function judgeSides({ configuration, sides, now }: Question): Promise<JudgedSides> {
  const files = configuration && (await readZippedFiles(Buffer.from(configuration), FILES))
  const indexes = await readConfigurationFiles(files ?? [])
  const judged: (JudgedUse | undefined)[] = []
  for (const { said, proof } of sides)
    judged.push(
      proof &&
        (await judgeUse({ said, proof: Buffer.from(proof), configuration: indexes, now: new Date(now) })),
    )
  const of = (role: SaidUse['role']): JudgedUse | undefined => {
    const found = judged[sides.findIndex(({ said }) => said.role === role)]
    return found?.doubt === undefined ? found : undefined
  }
  const [provider, consumer] = [of('provider'), of('consumer')]
  return { sides: judged, tie: provider && consumer && tieOf(provider, consumer) }
}

/** `plan` and `apply` for a declared file, and `declare`, which writes one. */
import type { More } from '../run-management.ts'
import { apply, describePlan } from './apply.ts'
import { planOf } from './plan.ts'
import { readDeclared } from './read-file.ts'
import { readPresent } from './read-present.ts'
import { say, wordsOf } from './words.ts'
import { writeDeclared } from './write-file.ts'

/** Prints the steps that are to do; exit code 3 when there are any. */
export const planFile: More['run'] = async ({ api, args }) => {
  const declared = await readDeclared(wordsOf('plan', args).file)
  const present = await readPresent(api, declared)
  const plan = planOf(declared, present)
  for (const line of describePlan(plan, present.proposed)) say(line)
  say(`${plan.steps.length} to do, ${plan.differences.length} different, ${plan.undeclared.length} not named`)
  return plan.steps.length === 0 ? 0 : 3
}

/** Carries out the steps; exit code 3 when some wait for a second person. */
export const applyFile: More['run'] = async ({ api, commands, args }) => {
  const { file, reason } = wordsOf('apply', args)
  const declared = await readDeclared(file)
  const look = async () => {
    const present = await readPresent(api, declared)
    return { plan: planOf(declared, present), proposed: present.proposed }
  }
  const needsReason = async () => {
    const { bytes } = await api.send({ method: 'GET', url: '/api/v1/system', headers: {}, body: undefined })
    return (JSON.parse(bytes.toString('utf8')) as { fourEyes: boolean }).fourEyes
  }
  const { done, waiting } = await apply({ api, commands, look, needsReason, reason, say })
  say(`${done} done, ${waiting} waiting`)
  return waiting === 0 ? 0 : 3
}

/** Writes the present registry into a new folder. */
export const declareFile: More['run'] = async ({ api, args }) => {
  const { file: folder } = wordsOf('declare', args)
  const { files } = await writeDeclared(api, folder)
  say(`${files} files in ${folder}; begin with registry.yaml`)
  return 0
}

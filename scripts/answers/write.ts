/** `node scripts/answers/write.ts [--check]`: writes what changed, or says so with exit code 1. */
import { readFileSync, writeFileSync } from 'node:fs'
import { describeAnswers } from './describe-answers.ts'

const isCheck = process.argv.includes('--check')
for (const { file, text, unknown } of describeAnswers()) {
  if (process.argv.includes('--unknown')) process.stdout.write(unknown.map((place) => `${place}\n`).join(''))
  if (readIfThere(file) === text) continue
  if (isCheck) {
    process.stdout.write(`${file} is not what the handlers return: concordat check --fix writes it\n`)
    process.exitCode = 1
  } else writeFileSync(file, text)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/**
 * The serial console of a simulated guest while somebody looks at it: a login, and a shell of a few
 * words that echoes. What several type into it goes to the one guest; what it prints goes to all.
 */
import type { Duplex } from 'node:stream'
import { asText, hostNameOf, oneBoot, promptOf, SHUTDOWN_LINES } from './boot-log.ts'
import { isPassword } from './guest.ts'
import { isOn, type SimulatedMachine } from './machine.ts'
import { pair } from './pair.ts'

const MAX_LINE_LETTERS = 1024
const MAX_USER_LETTERS = 32
const HELP = 'echo  exit  help  hostname  uptime  whoami'

export class Terminal {
  private readonly screens = new Set<Duplex>()
  private line = ''
  private user = ''
  private asked: 'login' | 'password' | 'command' = 'login'

  constructor(
    private machine: SimulatedMachine,
    /** Nobody looks any more. */
    private readonly onLeft: () => void,
  ) {}

  open(): Duplex {
    const [screen, guest] = pair()
    this.screens.add(guest)
    guest.on('data', (typed: Buffer) => this.typed(typed.toString('utf8')))
    guest.once('end', () => guest.destroy())
    guest.once('close', () => {
      if (this.screens.delete(guest) && this.screens.size === 0) this.onLeft()
    })
    return screen
  }

  /** The machine has changed; null: it is gone. */
  changed(now: SimulatedMachine | null, before: SimulatedMachine): void {
    if (now) this.machine = now
    if (now && now.boots > before.boots && isOn(now)) {
      this.askLogin()
      this.print(oneBoot(now))
    }
    if (isOn(before) && (!now || !isOn(now))) {
      if (now?.powerState === 'SHUTDOWN') this.print(asText(SHUTDOWN_LINES))
      for (const screen of this.screens) screen.end()
    }
  }

  /** Who reads too slowly misses what is printed meanwhile, as on a real line. */
  private print(text: string): void {
    for (const screen of this.screens) {
      if (!screen.writableNeedDrain && !screen.writableEnded) screen.write(text)
    }
  }

  private typed(text: string): void {
    if (this.machine.powerState !== 'RUNNING') return
    for (const letter of text) {
      if (letter === '\r' || letter === '\n') this.enter()
      else if (letter === '\x7f' || letter === '\b') this.eraseLast()
      else if (letter >= ' ' && this.line.length < MAX_LINE_LETTERS) {
        this.line += letter
        if (this.asked !== 'password') this.print(letter)
      }
    }
  }

  private eraseLast(): void {
    if (this.line === '') return
    this.line = this.line.slice(0, -1)
    if (this.asked !== 'password') this.print('\b \b')
  }

  private enter(): void {
    const line = this.line
    this.line = ''
    this.print('\r\n')
    if (this.asked === 'command') return this.obey(line.trim())
    if (this.asked === 'login') {
      this.user = line.trim().slice(0, MAX_USER_LETTERS)
      if (this.user === '') return this.print(promptOf(this.machine))
      this.asked = 'password'
      return this.print('Password: ')
    }
    if (!isPassword(this.machine, this.user, line)) {
      this.askLogin()
      return this.print(`\r\nLogin incorrect\r\n${promptOf(this.machine)}`)
    }
    this.asked = 'command'
    this.print(this.prompt())
  }

  private obey(line: string): void {
    const [word = '', ...rest] = line.split(/ +/)
    if (word === 'exit') {
      this.askLogin()
      return this.print(`\r\n${promptOf(this.machine)}`)
    }
    const answers: Record<string, () => string> = {
      '': () => '',
      echo: () => `${rest.join(' ')}\r\n`,
      help: () => `${HELP}\r\n`,
      hostname: () => `${hostNameOf(this.machine)}\r\n`,
      uptime: () => `up, ${this.machine.boots} boots\r\n`,
      whoami: () => `${this.user}\r\n`,
    }
    const answer = Object.hasOwn(answers, word) ? answers[word] : undefined
    this.print(`${answer ? answer() : `sh: ${word}: not found\r\n`}${this.prompt()}`)
  }

  private prompt(): string {
    return `${this.user}@${hostNameOf(this.machine)}:~# `
  }

  private askLogin(): void {
    this.asked = 'login'
    this.line = ''
    this.user = ''
  }
}

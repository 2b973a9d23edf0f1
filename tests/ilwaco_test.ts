/** What Ilwaco promises to a program beyond ISO C: boot, console, threads, idling, heap, the end. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildGuests, buildImage } from "../guests/build.ts";
import { type GuestOptions, type GuestResult, runGuest, STATUS_CRASHED } from "./support/guest.ts";

/** Runs `source` as a guest. */
async function run(source: string, options: GuestOptions = {}): Promise<GuestResult> {
  const file = await Deno.makeTempFile({ prefix: "denali-guest-", suffix: ".c" });
  try {
    await Deno.writeTextFile(file, source);
    const image = await buildImage([file], { flags: ["-Wall", "-Wextra", "-Werror"] });
    return runGuest(await Deno.readFile(image), options);
  } finally {
    await Deno.remove(file);
  }
}

const HEADERS = `
#include <ilwaco.h>
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
`;

Deno.test("hello greets, shows its arguments and ends with their number", async () => {
  const [image] = await buildGuests(["hello"]);
  const options = { memory: 1 << 20, args: ["one", "two three"] };
  const { output, status } = runGuest(await Deno.readFile(image), options);
  assertEquals(
    output,
    "Hello from guest, virtual machine 1 with 1024 KiB of memory.\n" +
      "argument 1: one\nargument 2: two three\n",
  );
  assertEquals(status, 2);
});

Deno.test("hello contains neither the network nor a function it does not call", async () => {
  const [image] = await buildGuests(["hello"]);
  const symbols = new TextDecoder("latin1").decode(await Deno.readFile(image));
  for (const name of ["tcp_", "socket", "strtod", "qsort", "pthread_create"]) {
    assert(!symbols.includes(`\0${name}`), `hello contains ${name}`);
  }
});

Deno.test("settings are the environment of the program", async () => {
  const source = `${HEADERS}
    int main(int argc, char **argv, char **environment) {
      (void)argc, (void)argv;
      printf("%s|%s|%d|%s\\n", getenv("NAME"), getenv("EMPTY"), getenv("NAM") == NULL, environment[0]);
    }`;
  const { output } = await run(source, { env: { NAME: "a=b", EMPTY: "" } });
  assertEquals(output, "a=b||1|NAME=a=b\n");
});

Deno.test("main without return ends with status 0, exit with its argument's low byte", async () => {
  assertEquals((await run("int main(void) {}")).status, 0);
  assertEquals((await run("#include <stdlib.h>\nint main(void) { exit(0x141); }")).status, 0x41);
});

Deno.test("constructors run before main, exit handlers backwards after it", async () => {
  const source = `${HEADERS}
    static void say_last(void) { puts("last"); }
    static void say_first(void) { puts("first"); }
    __attribute__((constructor)) static void construct(void) { puts("constructor"); }
    int main(void) { atexit(say_last); atexit(say_first); printf("no newline, "); }`;
  assertEquals((await run(source)).output, "constructor\nno newline, first\nlast\n");
});

Deno.test("a program reads what is typed, and the end of the input", async () => {
  const source = `${HEADERS}
    int main(void) {
      int number;
      char word[8], *line = NULL;
      size_t capacity = 0;
      printf("%d ", scanf("%d %7s", &number, word));
      printf("%d %s %d\\n", number, word, getchar());
      while (getline(&line, &capacity, stdin) > 0) printf("<%s>", line);
      printf(" %d\\n", feof(stdin));
    }`;
  const { output } = await run(source, { input: "42 apples\nsecond\nthird" });
  assertEquals(output, "2 42 apples 10\n<second\n><third> 1\n");
});

Deno.test("a thread that waits for input lets others run", async () => {
  const source = `${HEADERS}
    static void *work(void *count) { for (int i = 0; i < 3; i++) ++*(int *)count, usleep(1000); return NULL; }
    int main(void) {
      pthread_t thread;
      int count = 0, c;
      pthread_create(&thread, NULL, work, &count);
      while ((c = getchar()) != EOF) putchar(c);
      pthread_join(thread, NULL);
      printf("%d\\n", count);
    }`;
  assertEquals((await run(source, { input: "typed\n" })).output, "typed\n3\n");
});

Deno.test("sleeping costs no instructions, and no timer ticks meanwhile", async () => {
  const source = `${HEADERS}
    int main(void) {
      uint64_t before = ilwaco_now_us();
      sleep(3600);
      uint64_t slept = ilwaco_now_us() - before;
      printf("%d\\n", slept >= 3600000000u && slept < 3600010000u);
    }`;
  const { output, instructions } = await run(source);
  assertEquals(output, "1\n");
  assert(instructions < 10_000, `${instructions} instructions for an hour of sleep`);
});

Deno.test("threads that wake each other and sleep leave no timer behind", async () => {
  const source = `${HEADERS}
    static struct ilwaco_event event;
    static void *answer(void *unused) {
      for (;;) ilwaco_event_wait(&event, ilwaco_now_us() + 30000000);
      return unused;
    }
    int main(void) {
      pthread_t thread;
      pthread_create(&thread, NULL, answer, NULL);
      for (int i = 0; i < 100; i++) {
        ilwaco_event_signal(&event);
        sleep(1);
      }
    }`;
  const { turns } = await run(source);
  assert(turns >= 100 && turns < 110, `${turns} turns`);
});

Deno.test("sleepers wake in the order of their deadlines", async () => {
  const source = `${HEADERS}
    static void *sleeper(void *ms) {
      usleep((useconds_t)(long)ms * 1000);
      printf("%ld ", (long)ms);
      return NULL;
    }
    int main(void) {
      pthread_t threads[50];
      for (long i = 0; i < 50; i++) pthread_create(&threads[i], NULL, sleeper, (void *)(i * 37 % 50 * 2));
      for (int i = 0; i < 50; i++) pthread_join(threads[i], NULL);
    }`;
  const wanted = Array.from({ length: 50 }, (_, i) => `${i * 2} `).join("");
  assertEquals((await run(source)).output, wanted);
});

Deno.test("a thread that never blocks does not keep others from running", async () => {
  const source = `${HEADERS}
    static volatile int stop;
    static void *spin(void *unused) { while (!stop) continue; return unused; }
    int main(void) {
      pthread_t thread;
      pthread_create(&thread, NULL, spin, NULL);
      for (int i = 0; i < 5; i++) { usleep(20000); printf("%d ", i); }
      stop = 1;
      pthread_join(thread, NULL);
      puts("joined");
    }`;
  assertEquals((await run(source, { limit: 1e8 })).output, "0 1 2 3 4 joined\n");
});

Deno.test("a thread that computes is interrupted for one whose deadline has come, at the next turn", async () => {
  const source = `${HEADERS}
    static volatile int stop;
    static void *spin(void *unused) { while (!stop) continue; return unused; }
    int main(void) {
      pthread_t thread;
      uint64_t late = 0;
      pthread_create(&thread, NULL, spin, NULL);
      for (int i = 1; i <= 20; i++) {
        uint64_t deadline = ilwaco_now_us() + (uint64_t)i * 1000;
        usleep((useconds_t)i * 1000);
        uint64_t now = ilwaco_now_us();
        assert(now >= deadline);
        if (now - deadline > late) late = now - deadline;
      }
      stop = 1;
      pthread_join(thread, NULL);
      printf("%d\\n", late <= 2100);
    }`;
  assertEquals((await run(source, { limit: 1e8 })).output, "1\n");
});

Deno.test("threads that compute have equal shares, whoever is woken in between", async () => {
  const source = `${HEADERS}
    static volatile int stop;
    static volatile long rounds[3];
    static void *spin(void *number) { while (!stop) rounds[(long)number]++; return NULL; }
    int main(void) {
      pthread_t threads[3];
      for (long i = 0; i < 3; i++) pthread_create(&threads[i], NULL, spin, (void *)i);
      usleep(1200000);
      stop = 1;
      for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
      long all = rounds[0] + rounds[1] + rounds[2];
      for (int i = 0; i < 3; i++) printf("%d ", rounds[i] * 10 > all * 3 && rounds[i] * 10 < all * 4);
    }`;
  assertEquals((await run(source, { limit: 1e9 })).output, "1 1 1 ");
});

Deno.test("a deadline that is moved is kept without a turn at the old one", async () => {
  const source = `${HEADERS}
    static struct ilwaco_event event;
    static uint64_t waited[2];
    static void *wait(void *unused) {
      for (int i = 0; i < 2; i++) {
        uint64_t before = ilwaco_now_us();
        assert(!ilwaco_event_wait(&event, before + 10000));
        waited[i] = (ilwaco_now_us() - before) / 1000;
      }
      return unused;
    }
    int main(void) {
      pthread_t thread;
      pthread_create(&thread, NULL, wait, NULL);
      sched_yield();
      ilwaco_event_move_deadline(&event, ilwaco_now_us() + 3000);
      usleep(5000);
      ilwaco_event_move_deadline(&event, ilwaco_now_us() + 50000);
      pthread_join(thread, NULL);
      ilwaco_event_move_deadline(&event, 0);
      printf("%d %d %d\\n", (int)waited[0], (int)waited[1], event.signalled);
    }`;
  assertEquals((await run(source)).output, "3 52 1\n");
});

Deno.test("an event remembers a signal until it is waited for", async () => {
  const source = `${HEADERS}
    static struct ilwaco_event event;
    static void *signal_it(void *unused) { usleep(5000); ilwaco_event_signal(&event); return unused; }
    int main(void) {
      pthread_t thread;
      ilwaco_event_signal(&event);
      ilwaco_event_signal(&event);
      printf("%d", ilwaco_event_wait(&event, ILWACO_NO_DEADLINE));
      printf("%d", ilwaco_event_wait(&event, ilwaco_now_us() + 1000));
      pthread_create(&thread, NULL, signal_it, NULL);
      printf("%d\\n", ilwaco_event_wait(&event, ILWACO_NO_DEADLINE));
      pthread_join(thread, NULL);
    }`;
  assertEquals((await run(source)).output, "101\n");
});

Deno.test("malloc gives all memory up to the main thread's stack, then NULL and ENOMEM", async () => {
  const source = `${HEADERS}
    #include <errno.h>
    int main(void) {
      size_t total = 0;
      for (void *volatile block; (block = malloc(10000));) total += 10000;
      printf("%d %d\\n", total > 700000 && total < 900000, errno == ENOMEM);
      printf("%s\\n", strerror(errno));
    }`;
  assertEquals(
    (await run(source, { memory: 1 << 20 })).output,
    "1 1\nCannot allocate memory\n",
  );
});

Deno.test("freeing twice, a failed assertion and abort crash the VM and say why", async () => {
  const cases: [string, string][] = [
    ["void *p = malloc(10), *volatile q = p; free(p); free(q);", "free or realloc of what malloc"],
    ["assert(1 + 1 == 3);", "Assertion `1 + 1 == 3' failed."],
    ['printf("buffered"); abort();', "buffered"],
  ];
  for (const [statement, message] of cases) {
    const source = `${HEADERS}\nint main(void) { ${statement} return 0; }`;
    const { output, status } = await run(source.replace("free(q)", "free((void *)q)"));
    assertEquals(status, STATUS_CRASHED, statement);
    assertStringIncludes(output, message);
  }
});

Deno.test("a null pointer crashes the VM", async () => {
  const { status, crash } = await run("int main(void) { return *(volatile int *)0; }");
  assertEquals(status, STATUS_CRASHED);
  assertStringIncludes(crash ?? "", "14");
});

Deno.test("a thread that uses up its stack is told so", async () => {
  const source = `${HEADERS}
    static void *waste(void *unused) {
      volatile char space[PTHREAD_STACK_DEFAULT - 300];
      space[(long)unused] = 1;
      usleep(1000);
      return space[(long)unused] ? unused : NULL;
    }
    int main(void) {
      pthread_t thread;
      pthread_create(&thread, NULL, waste, (void *)1);
      pthread_join(thread, NULL);
    }`;
  const { output, status } = await run(source);
  assertEquals(status, STATUS_CRASHED);
  assertStringIncludes(output, "used up its stack");
});

Deno.test("the clocks agree with each other and never go backwards", async () => {
  const source = `${HEADERS}
    #include <sys/time.h>
    int main(void) {
      struct timespec last = {0, 0}, now;
      int backwards = 0;
      for (int i = 0; i < 20000; i++, last = now) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        backwards += now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec);
      }
      struct timeval day;
      gettimeofday(&day, NULL);
      time_t seconds = time(NULL);
      char text[32];
      strftime(text, sizeof text, "%F %a", gmtime(&seconds));
      printf("%d %d %s\\n", backwards, (int)(seconds - day.tv_sec) < 2, text);
    }`;
  assertEquals((await run(source)).output, "0 1 2002-12-09 Mon\n");
});

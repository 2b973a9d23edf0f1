/* Threads whose joint result is the same however they are interleaved. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long total;

static void *add_up(void *argument) {
  long number = (long)argument;
  for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&mutex);
    total += number;
    pthread_mutex_unlock(&mutex);
  }
  return (void *)(number * 10);
}

static void counting(void) {
  pthread_t threads[WORKERS];
  long results = 0;
  for (long i = 0; i < WORKERS; i++) pthread_create(&threads[i], NULL, add_up, (void *)i);
  for (int i = 0; i < WORKERS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    results += (long)result;
  }
  printf("total %ld, results %ld\n", total, results);
}

/* A bounded queue between two producers and two consumers. */
static int queue[4], queued, taken_sum, taken_count;

static void *produce(void *argument) {
  for (int i = 1; i <= 300; i++) {
    pthread_mutex_lock(&mutex);
    while (queued == 4) pthread_cond_wait(&changed, &mutex);
    queue[queued++] = i * (int)(long)argument;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void *consume(void *argument) {
  (void)argument;
  for (int i = 0; i < 300; i++) {
    pthread_mutex_lock(&mutex);
    while (queued == 0) pthread_cond_wait(&changed, &mutex);
    taken_sum += queue[--queued];
    taken_count++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void passing(void) {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, i < 2 ? produce : consume, (void *)(i + 1));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  printf("passed %d, sum %d\n", taken_count, taken_sum);
}

/* Never blocks: only preemption lets the other run. Doubles: the FPU state must survive it. */
enum { SPINNERS = 3 };
static volatile int stop;
static volatile long rounds[SPINNERS];

static void *spin(void *argument) {
  double x = 1 + (double)(long)argument;
  long double y = x;
  while (!stop) {
    for (int i = 0; i < 1000; i++)
      x = x * 1.0000001 + 0.5 - x * 0.0000001 - 0.5, y = y + 0.25L - 0.25L;
    rounds[(long)argument]++;
  }
  double *result = malloc(sizeof *result);
  *result = (double)y == 1 + (double)(long)argument && x == x;
  return result;
}

static void preemption(void) {
  pthread_t threads[SPINNERS];
  double ok = 0;
  for (long i = 0; i < SPINNERS; i++) pthread_create(&threads[i], NULL, spin, (void *)i);
  usleep(100000);
  for (int i = 0; i < SPINNERS; i++) {
    while (rounds[i] == 0) usleep(1000);
  }
  stop = 1;
  for (int i = 0; i < SPINNERS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    ok += *(double *)result;
    free(result);
  }
  printf("spinners %g\n", ok);
}

static struct timespec in(long milliseconds) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_nsec += milliseconds * 1000000;
  at.tv_sec += at.tv_nsec / 1000000000;
  at.tv_nsec %= 1000000000;
  return at;
}

static void timeouts(void) {
  struct timespec before, after, deadline = in(50);
  clock_gettime(CLOCK_MONOTONIC, &before);
  pthread_mutex_lock(&mutex);
  int error = 0;
  while (error == 0) error = pthread_cond_timedwait(&changed, &mutex, &deadline);
  pthread_mutex_unlock(&mutex);
  clock_gettime(CLOCK_MONOTONIC, &after);
  long elapsed =
      (long)(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
  printf("timed out %d, not early %d\n", error == ETIMEDOUT, elapsed >= 49);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int once_count, destroyed;

static void destroy(void *value) {
  destroyed += *(int *)value;
  free(value);
}
static void set_up(void) {
  once_count++;
  pthread_key_create(&key, destroy);
}

static void *use_key(void *argument) {
  pthread_once(&once, set_up);
  int *value = malloc(sizeof *value);
  *value = (int)(long)argument;
  pthread_setspecific(key, value);
  sched_yield();
  errno = (int)(long)argument;
  sched_yield();
  if (errno != (int)(long)argument || *(int *)pthread_getspecific(key) != errno) puts("mixed up");
  pthread_exit(NULL);
}

static void keys(void) {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, use_key, (void *)(i + 1));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  printf("once %d, destroyed %d\n", once_count, destroyed);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int shared[2], torn;

static void *read_or_write(void *argument) {
  for (int i = 0; i < 200; i++) {
    if ((long)argument == 0) {
      pthread_rwlock_wrlock(&rwlock);
      shared[0]++;
      sched_yield();
      shared[1]++;
    } else {
      pthread_rwlock_rdlock(&rwlock);
      torn += shared[0] != shared[1];
    }
    pthread_rwlock_unlock(&rwlock);
    sched_yield();
  }
  return NULL;
}

static void readers_and_writers(void) {
  pthread_t threads[6];
  for (long i = 0; i < 6; i++) pthread_create(&threads[i], NULL, read_or_write, (void *)(i % 3));
  for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
  printf("written %d, torn %d\n", shared[1], torn);
}

static void locks(void) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t recursive;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&recursive, &attributes);
  int a = pthread_mutex_lock(&recursive), b = pthread_mutex_lock(&recursive);
  int c = pthread_mutex_unlock(&recursive), d = pthread_mutex_unlock(&recursive),
      e = pthread_mutex_unlock(&recursive) == EPERM;
  pthread_mutex_lock(&mutex);
  int f = pthread_mutex_trylock(&mutex) == EBUSY;
  struct timespec deadline = in(10);
  int g = pthread_mutex_timedlock(&mutex, &deadline) == ETIMEDOUT;
  pthread_mutex_unlock(&mutex);
  printf("locks %d%d%d%d%d%d%d\n", a, b, c, d, e, f, g);
}

static void *detached(void *argument) {
  pthread_mutex_lock(&mutex);
  ++*(int *)argument;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void many_detached(void) {
  int finished = 0;
  for (int i = 0; i < 500; i++) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, detached, &finished)) break;
    pthread_attr_destroy(&attributes);
    pthread_mutex_lock(&mutex);
    while (finished <= i) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
  }
  printf("detached %d\n", finished);
}

static sem_t items;
static pthread_barrier_t barrier;
static int arrived;

static void *meet(void *argument) {
  (void)argument;
  sem_wait(&items);
  pthread_mutex_lock(&mutex);
  arrived++;
  pthread_mutex_unlock(&mutex);
  int serial = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
  /* All have arrived before any goes on. */
  return (void *)(long)(serial * 100 + (arrived == WORKERS));
}

static void *read_late(void *lock) { return (void *)(long)pthread_rwlock_rdlock(lock); }

static void meetings(void) {
  pthread_t threads[WORKERS];
  struct timespec past = {1, 0};
  int value;
  sem_init(&items, 0, 1);
  printf("semaphore %d", sem_trywait(&items));
  printf(" %d", sem_trywait(&items) == -1 && errno == EAGAIN);
  printf(" %d", sem_timedwait(&items, &past) == -1 && errno == ETIMEDOUT);
  printf(" %d\n", sem_getvalue(&items, &value) == 0 && value == 0);
  printf("barrier of none: %d\n", pthread_barrier_init(&barrier, NULL, 0) == EINVAL);
  pthread_barrier_init(&barrier, NULL, WORKERS);
  for (int i = 0; i < WORKERS; i++) pthread_create(&threads[i], NULL, meet, NULL);
  for (int i = 0; i < WORKERS; i++) sem_post(&items);
  long sum = 0;
  for (int i = 0; i < WORKERS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  printf("met: %ld\n", sum);
  printf("%d %d\n", pthread_barrier_destroy(&barrier), sem_destroy(&items));
}

static void late_locks(void) {
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  struct timespec past = {1, 0};
  pthread_rwlock_rdlock(&lock);
  printf("writer in time: %d\n", pthread_rwlock_timedwrlock(&lock, &past) == ETIMEDOUT);
  printf("reader: %d\n", pthread_rwlock_timedrdlock(&lock, &past));
  pthread_t reader;
  void *result;
  pthread_create(&reader, NULL, read_late, &lock);
  pthread_join(reader, &result);
  printf("a reader behind it: %ld\n", (long)result);
  char name[16];
  printf("name: %d", pthread_setname_np(pthread_self(), "a-name-of-more-than-15") == ERANGE);
  printf(" %d", pthread_setname_np(pthread_self(), "worker"));
  printf(" %d %s\n", pthread_getname_np(pthread_self(), name, sizeof name), name);
}

int main(void) {
  counting();
  passing();
  preemption();
  timeouts();
  keys();
  readers_and_writers();
  locks();
  many_detached();
  printf("self %d\n", pthread_equal(pthread_self(), pthread_self()));
  meetings();
  late_locks();
  return 3;
}

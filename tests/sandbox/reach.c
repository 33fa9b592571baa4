/* reach CALL TO PORT: send a byte to an address, or look up a name, by one call of the C library. Tells how it ended. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int is(const char *text, const char *other)
{
    return strcmp(text, other) == 0;
}

static socklen_t address(struct sockaddr_storage *storage, const char *text, const char *port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

    storage->ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    v4->sin_port = htons(atoi(port)); /* which is where sin6_port is */
    if (storage->ss_family == AF_INET)
        return inet_pton(AF_INET, text, &v4->sin_addr) == 1 ? sizeof *v4 : 0;
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1 ? sizeof *v6 : 0;
}

static int is_looked_up(const char *call, const char *name)
{
    unsigned char answer[NS_PACKETSZ];
    struct addrinfo *found;

    if (is(call, "getaddrinfo"))
        return getaddrinfo(name, NULL, NULL, &found) == 0;
    if (is(call, "gethostbyname"))
        return gethostbyname(name) != NULL;
    return res_query(name, ns_c_in, ns_t_a, answer, sizeof answer) >= 0;
}

int main(int argc, char **argv)
{
    const char *call = argv[1], *to = argv[2];
    if (argc == 3)
        return puts(is_looked_up(call, to) ? "found" : "not found") < 0;

    struct sockaddr_storage storage = {0};
    socklen_t length = address(&storage, to, argv[3]);
    struct iovec data = {"x", 1};
    struct mmsghdr messages[] = {{.msg_hdr = {&storage, length, &data, 1, NULL, 0, 0}}};
    int fd = socket(storage.ss_family, is(call, "connect") ? SOCK_STREAM : SOCK_DGRAM, 0);
    long result = -1;

    if (is(call, "sendto-unspecified"))
        storage.ss_family = AF_UNSPEC;
    if (is(call, "connect"))
        result = connect(fd, (struct sockaddr *)&storage, length);
    else if (is(call, "sendmsg"))
        result = sendmsg(fd, &messages[0].msg_hdr, 0);
    else if (is(call, "sendmmsg"))
        result = sendmmsg(fd, messages, 1, 0);
    else
        result = sendto(fd, "x", 1, 0, (struct sockaddr *)&storage, length);
    puts(result < 0 ? strerror(errno) : "reached");
    return 0;
}

/* Egress guard: loaded into a program by LD_PRELOAD, it lets nothing leave but to loopback.

   Every call that takes an address fails with EACCES, as connect(2) says of a local firewall. Names are looked up in
   /etc/hosts alone: what the C library sends to name servers goes through none of its public functions.

   Out of reach: programs that call the system without the C library (static ones, io_uring), those of another
   architecture, setuid programs, into which the loader loads nothing, and what listens on a Unix socket or on loopback
   and goes out for others (Docker, a proxy of one's own), but for name servers. */

#define _GNU_SOURCE
#include <features.h>
#ifndef __GLIBC__
#error "Only glibc can be told where to look up names."
#endif

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <string.h>
#include <sys/socket.h>

/* The function that the program would have called. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Addresses. To send to "any", 0.0.0.0 or ::, is to send to loopback. */

static int is_loopback_4(in_addr_t address)
{
    return address == htonl(INADDR_ANY) || ntohl(address) >> 24 == IN_LOOPBACKNET;
}

static int is_loopback_6(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        return is_loopback_4(address->s6_addr32[3]);
    return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address);
}

/* A name server on loopback passes on what it is asked. */
#define NAME_SERVER_PORT 53

static int is_local_4(const struct sockaddr_in *to)
{
    return is_loopback_4(to->sin_addr.s_addr) && to->sin_port != htons(NAME_SERVER_PORT);
}

static int is_local_6(const struct sockaddr_in6 *to)
{
    return is_loopback_6(&to->sin6_addr) && to->sin6_port != htons(NAME_SERVER_PORT);
}

/* No address at all, or one that the kernel finds too short, is none of ours. */
static int is_refused(const void *address, socklen_t length)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {0};

    if (!address)
        return 0;
    memcpy(&to, address, length < sizeof to ? length : sizeof to);
    switch (to.any.sa_family) {
    case AF_UNIX:
    case AF_NETLINK:
        return 0;
    case AF_UNSPEC: /* ends a connection, but some sockets send there: they take it for the family that they are of */
        return !is_local_4(&to.v4) || !is_local_6(&to.v6);
    case AF_INET:
        return !is_local_4(&to.v4);
    case AF_INET6:
        return !is_local_6(&to.v6);
    default:
        return 1;
    }
}

static int refuse(void)
{
    errno = EACCES;
    return -1;
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    return is_refused(address.__sockaddr__, length) ? refuse() : NEXT(connect)(fd, address, length);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    return is_refused(address.__sockaddr__, length) ? refuse() : NEXT(sendto)(fd, data, size, flags, address, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return is_refused(message->msg_name, message->msg_namelen) ? refuse() : NEXT(sendmsg)(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
    for (unsigned int i = 0; i < count; i++)
        if (is_refused(messages[i].msg_hdr.msg_name, messages[i].msg_hdr.msg_namelen))
            return refuse();
    return NEXT(sendmmsg)(fd, messages, count, flags);
}

/* Names */

/* A program may ask for other sources as well, as `getent -s dns` does. */
int __nss_configure_lookup(const char *database, const char *sources)
{
    int network = !strcmp(database, "hosts") || !strcmp(database, "networks");
    return NEXT(__nss_configure_lookup)(database, network ? "files" : sources);
}

__attribute__((constructor)) static void look_up_in_files(void)
{
    __nss_configure_lookup("hosts", "files");
    __nss_configure_lookup("networks", "files");
}

/* The resolver below getaddrinfo and its like, under its names of today and of before glibc 2.34. */
#define REFUSED(name) \
    int name(void) { h_errno = NO_RECOVERY; return refuse(); } \
    int __##name(void) __attribute__((alias(#name)));

REFUSED(res_query)
REFUSED(res_search)
REFUSED(res_querydomain)
REFUSED(res_send)
REFUSED(res_nquery)
REFUSED(res_nsearch)
REFUSED(res_nquerydomain)
REFUSED(res_nsend)

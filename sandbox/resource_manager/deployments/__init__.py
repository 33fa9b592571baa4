"""Template deployments and template specs of Azure Resource Manager, as used by `az deployment` and `az ts`.

language                                     the template language (in its own folder; pure)
context, ids                                 what the expressions of a template can access
parameters, resources, graph, template       turn a template and its parameters into ordered resources; pure
records, preparation, preflight, what_if     what is known of a deployment before anything is created
reading, runner                              create the resources through the sandbox's own services
service, template_specs                      the HTTP API
"""
